"""One WebSocket API's data plane: events and the time in, effects out.

Nothing here reads a clock, a socket or a random number: `now` is passed in, in epoch seconds, and so is the source of
identifiers. The caller carries out the effects in order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from localcloud.gateway import handshakes, integrations, management, selection
from localcloud.gateway.effects import Accept, Close, Failed, HttpResponse, Invoke, Log, Reject, Send
from localcloud.gateway.events import Caller
from localcloud.gateway.model import AUTHORIZER, OF_REQUEST, OF_SUBJECT
from localcloud.gateway.proxy import Answer
from localcloud.gateway.request import Request
from localcloud.gateway.selection import CONNECT, DISCONNECT
from localcloud.gateway.throttle import Bucket, Limit, Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from localcloud.gateway.effects import Call, Effect, Handshake, Outcome
    from localcloud.gateway.model import Api, Route

    Measure = Callable[[str, float, str | None], None]
    Faults = Callable[[str], bool]

# What clients and functions are told about a close, as seen on AWS.
_NO_STATUS = "Client-side close frame status not set"
_NORMAL = "Connection Closed Normally"
_GOING_AWAY = "Going away"

_LATE_SECONDS = 60.0  # by how much the fault `disconnect-late` delays `$disconnect`


@dataclass(slots=True)
class _Connection:
    caller: Caller
    last_active: float
    open: bool = False
    slow: bool = False
    """Its client does not read: what is posted to it has no room."""
    gone: tuple[int, str] | None = None
    """Code and reason, when the client left before `$connect` had answered."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call under way: of the route's integration, or of `$connect`'s authorizer."""

    request: Request
    route: Route
    started: float
    authorizes: bool = False


class Gateway:
    """The connections of one API and what is under way for them."""

    def __init__(
        self,
        api: Api,
        new_id: Callable[[str], str],
        measure: Measure = lambda *_: None,
        faults: Faults = lambda _: False,
        real: Callable[[float], float] = lambda now: now,
    ) -> None:
        """`new_id(kind)` makes an identifier of the kind OF_SUBJECT or OF_REQUEST. `measure(metric, value,
        route key)` is told what API Gateway's own CloudWatch metrics count; `faults(name)` says whether a fault happens
        this time. `real` gives the real time of a moment: who signs a request knows no other."""
        self.api = api
        self._new_id = new_id
        self._measure = measure
        self._faults = faults
        self._real = real
        account = Limit(api.limits.account_rate, api.limits.account_burst)
        self._throttle = Throttle(account, api.default_limit, api.route_limits)
        self._handshakes = Bucket(Limit(api.limits.connect_rate, api.limits.connect_rate))
        self._connections: dict[str, _Connection] = {}
        self._calls: dict[str, _Call] = {}

    @property
    def connections(self) -> int:
        """How many connections are open or being opened."""
        return len(self._connections)

    @property
    def calls(self) -> int:
        """How many calls are under way."""
        return len(self._calls)

    def refuse(self, path: str, host: str = "") -> HttpResponse | None:
        """The answer to an upgrade request that cannot become a connection, or None when it can.

        The stage, or a custom domain's mapping key, is the only path segment of a WebSocket API's URL.
        """
        if self.api.domain_at(host, path.strip("/")) is not None:
            return None
        self._measure("ClientError", 1, None)
        status = self.api.settings.unknown_path_status
        return management.json_response(status, {"message": "Forbidden" if status == 403 else "Not Found"})

    def handshake(self, handshake: Handshake, now: float) -> tuple[str, list[Effect]]:
        """A client asks for a connection. Gives its new id, and its answer, or the call that the answer waits for."""
        connection_id = self._new_id(OF_SUBJECT)
        domain = self.api.domain_at(handshake.header("host") or "", handshake.path.strip("/"))
        caller = Caller(connection_id, now, handshake.source_ip, handshake.header("user-agent"), domain or "")
        connection = self._connections[connection_id] = _Connection(caller, now)
        request = Request(self.api, caller, "CONNECT", CONNECT, self._new_id(OF_REQUEST), now, handshake=handshake)
        route = self.api.routes.get(CONNECT)
        if not (self._handshakes.ready(now) and self._throttle.admits(CONNECT, now)):
            return connection_id, self._refused(request, 429)
        self._handshakes.take()
        if route is not None and (status := handshakes.refusal(request, route, self._real(now))) is not None:
            return connection_id, self._refused(request, status)
        if route is None or route.authorizer is None:
            return connection_id, self._connect(connection, request, route, now)
        if AUTHORIZER in self.api.unpermitted:
            return connection_id, self._refused(request, 500)
        call = handshakes.ask(request, route.authorizer)
        self._calls[call.call_id] = _Call(request, route, now, authorizes=True)
        return connection_id, [call]

    def receive(self, connection_id: str, text: str, now: float) -> list[Effect]:
        """A client sent a whole text message."""
        connection = self._connections.get(connection_id)
        if connection is None or not connection.open:
            return []
        connection.last_active = now
        barred = () if self.api.settings.lifecycle_by_message else selection.LIFECYCLE
        key = selection.select(self.api.selection, self.api.routes, text, barred)
        self._measure("MessageCount", 1, key)
        request_id, message_id = self._new_id(OF_REQUEST), self._new_id(OF_SUBJECT)
        request = Request(self.api, connection.caller, "MESSAGE", key or "", request_id, now, text, message_id)
        if key is None:
            return self._turned_away(request, "Forbidden", 403)
        if not self._throttle.admits(key, now):
            effects = self._turned_away(request, self.api.settings.throttled_message, 429)
            if self.api.settings.throttled_closes:
                effects += [Close(connection_id, 1008, ""), *self._forget(connection_id, 1008, "", now)]
            return effects
        route = self.api.routes[key]
        if route.models is not None and (problem := route.models.error(request.body)) is not None:
            return self._turned_away(request, "Bad request body", 400, problem)
        if route.integration is None:
            return self._logged(request, 200)
        return self._begin(request, route, now)

    def closed(self, connection_id: str, code: int, reason: str, now: float) -> list[Effect]:
        """The client's side ended, with a code of RFC 6455: 1005 is a close frame without one, 1006 a lost socket."""
        if code == 1005:
            reason = _NO_STATUS
        elif code == 1006:
            reason = self.api.settings.reason_lost
        elif code == 1000 and not reason:
            reason = _NORMAL
        connection = self._connections.get(connection_id)
        if connection is not None and not connection.open:
            # `$connect` is still under way. Only if it succeeds is there something for `$disconnect` to clear up.
            connection.gone = (code, reason)
            return []
        return self._forget(connection_id, code, reason, now)

    def slow(self, connection_id: str, slow: bool) -> None:
        """A client has left much unread, or has caught up."""
        if connection := self._connections.get(connection_id):
            connection.slow = slow

    def pinged(self, connection_id: str, now: float) -> None:
        """A client sent a ping frame."""
        connection = self._connections.get(connection_id)
        if connection is not None and self.api.settings.ping_is_activity:
            connection.last_active = now

    def completed(self, call_id: str, outcome: Outcome, now: float) -> list[Effect]:
        """A call ended. A late or repeated end, or one for a client that has gone, changes nothing."""
        call = self._calls.pop(call_id, None)
        if call is None:
            return []
        if call.authorizes:
            return self._authorized(call, outcome, now)
        assert call.route.integration is not None  # noqa: S101 - it was called
        latency = (now - call.started) * 1000
        self._measure("IntegrationLatency", latency, call.route.key)
        call.request.told |= {"integrationLatency": round(latency)}
        return self._end(call.request, call.route, integrations.end(call.request, call.route.integration, outcome), now)

    def http(
        self,
        method: str,
        path: str,
        body: bytes,
        now: float,
        headers: Sequence[tuple[str, str]] = (),
        query: str = "",
    ) -> tuple[HttpResponse, list[Effect]]:
        """A request that asks for no upgrade: an @connections call, or a mistake."""
        base, connection_id = management.named(path)
        host = next((value for name, value in headers if name.lower() == "host"), "")
        here = self.api.domain_at(host, base) is not None
        if here and connection_id is None and method == "GET":
            upgrade = {"message": "Upgrade Required"}
            return management.json_response(426, upgrade, ("Upgrade", "websocket")), []
        if not here or connection_id is None:
            return management.error(403, "Forbidden"), []
        if method not in management.METHODS:
            return management.error(403, "Missing Authentication Token"), []
        if self.api.settings.verify_signatures:
            refusal = handshakes.signature(self.api, method, path, query, headers, body, self._real(now))
            if refusal is not None:
                return management.error(403, refusal), []
        return self._manage(method, connection_id, body, now)

    def _manage(self, method: str, connection_id: str, body: bytes, now: float) -> tuple[HttpResponse, list[Effect]]:
        connection = self._connections.get(connection_id)
        if connection is not None and not connection.open:
            connection = None
        if not self._throttle.admits(None, now):
            return management.error(429, "Too Many Requests"), []
        if method == "POST":
            refusal = self._refusal(connection, connection_id, body)
            if connection is None or refusal is not None:
                return refusal or management.gone(connection_id, self.api.settings), []
            connection.last_active = now
            self._measure("MessageCount", 1, None)
            sent: list[Effect] = [Send(connection_id, management.outbound(body, self.api.settings))]
            doubted = self._faults("post-doubted")
            return management.gone(connection_id, self.api.settings) if doubted else HttpResponse(200), sent
        if connection is None:
            return management.gone(connection_id, self.api.settings), []
        if method == "DELETE":
            effects: list[Effect] = [Close(connection_id, 1000, "")]
            return HttpResponse(204), effects + self._forget(connection_id, 1000, _NORMAL, now)
        return management.description(connection.caller, connection.last_active), []

    def _refusal(self, connection: _Connection | None, connection_id: str, body: bytes) -> HttpResponse | None:
        """Why nothing can be posted."""
        if self._faults("post-throttled"):
            return management.error(429, "Too Many Requests")
        if connection is None or self._faults("post-gone"):
            return management.gone(connection_id, self.api.settings)
        if len(body) > self.api.limits.message:
            return management.error(413, "Payload Too Large")
        if connection.slow:
            return management.error(429, "The client's outbound WebSocket buffer is full")
        return None

    def expire(self, now: float) -> list[Effect]:
        """Close what has been idle or open for too long; to be called about once a second."""
        limits, settings = self.api.limits, self.api.settings
        idle_since, opened_before = now - limits.idle, now - limits.lifetime
        stale = [
            (connection.caller.connection_id, connection.caller.connected_at <= opened_before)
            for connection in self._connections.values()
            if connection.open
            and (connection.last_active <= idle_since or connection.caller.connected_at <= opened_before)
        ]
        effects: list[Effect] = []
        for connection_id, old in stale:
            code, reason = (settings.lifetime_code, settings.lifetime_reason) if old else (1001, _GOING_AWAY)
            effects += [Close(connection_id, code, reason), *self._forget(connection_id, code, reason, now)]
        return effects

    # The handshake.

    def _authorized(self, call: _Call, outcome: Outcome, now: float) -> list[Effect]:
        """The authorizer has answered; if it allows the connection, `$connect` is next."""
        request = call.request
        verdict = handshakes.verdict(request, outcome, round((now - call.started) * 1000))
        if isinstance(verdict, int):
            return self._refused(request, verdict)
        connection = self._connections[request.connection_id]
        connection.caller = request.caller = replace(connection.caller, authorizer=verdict)
        return self._connect(connection, request, call.route, now)

    def _connect(self, connection: _Connection, request: Request, route: Route | None, now: float) -> list[Effect]:
        if route is None or route.integration is None:
            return self._accepted(connection, request, None, now)
        self._measure("ConnectCount", 1, CONNECT)
        return self._begin(request, route, now)

    def _connected(self, request: Request, answer: Answer | Failed, now: float) -> list[Effect]:
        if isinstance(answer, Answer) and answer.ok:
            return self._accepted(self._connections[request.connection_id], request, answer.subprotocol, now)
        if isinstance(answer, Answer):
            # The integration's own refusal is passed on as it is; its body and headers are not.
            return self._refused(request, answer.status, body="")
        return self._refused(request, handshakes.status(self.api.settings, answer), "Internal server error")

    def _accepted(self, connection: _Connection, request: Request, subprotocol: str | None, now: float) -> list[Effect]:
        connection.open = True
        connection.last_active = now
        effects = self._logged(request, 200)
        if connection.gone is not None:
            return effects + self._forget(request.connection_id, *connection.gone, now)
        return [Accept(request.connection_id, subprotocol), *effects]

    def _refused(self, request: Request, status: int, message: str = "", *, body: str | None = None) -> list[Effect]:
        del self._connections[request.connection_id]
        if request.route_key not in self.api.routes or status in {401, 403, 429}:
            self._measure("ClientError", 1, None)
        text = message or handshakes.MESSAGES.get(status, "Forbidden")
        content = self._frame(request, text) if body is None else body
        return [Reject(request.connection_id, status, content), *self._logged(request, status)]

    # Integrations.

    def _begin(self, request: Request, route: Route, now: float, delay: float = 0.0) -> list[Effect]:
        assert route.integration is not None  # noqa: S101 - callers have looked
        if route.key in self.api.unpermitted:
            return self._end(request, route, Failed.NOT_INVOKED, now)
        call: Call | None
        answer: Answer | Failed | None = None
        if (integration := route.integration).kind == "AWS_PROXY":
            event = msgspec.json.encode(request.event())
            call = Invoke(request.connection_id, request.id, integration.function_arn, event, integration.timeout)
        else:
            call, answer = integrations.begin(request, integration, request.id)
        effects: list[Effect] = []
        if call is not None:
            effects = [replace(call, delay=delay) if delay else call]
            if answer is None:
                self._calls[call.call_id] = _Call(request, route, now)
        return effects if answer is None else effects + self._end(request, route, answer, now)

    def _end(self, request: Request, route: Route, answer: Answer | Failed, now: float) -> list[Effect]:
        """An integration has answered, or will not."""
        if isinstance(answer, Failed):
            self._measure("ExecutionError" if answer in _NOT_EXECUTED else "IntegrationError", 1, route.key)
        elif answer.status >= 400:
            self._measure("IntegrationError", 1, route.key)
        if self.api.access_log is not None:
            outcome = {"error": answer.value} if isinstance(answer, Failed) else {"status": answer.status}
            request.told["integration"] = {"latency": request.told.get("integrationLatency")} | outcome
        connection = self._connections.get(request.connection_id)
        if route.key == CONNECT and request.kind == "CONNECT" and connection is not None:
            return self._connected(request, answer, now)
        if isinstance(answer, Failed):
            text, status = _FRAMES.get(answer, ("Internal server error", 500))
            if connection is None:
                return self._logged(request, status)
            request.told["error"] = _error(text)
            return [Send(request.connection_id, self._frame(request, text)), *self._logged(request, status)]
        logged = self._logged(request, 200)
        if connection is None or not route.responds or not (answer.body or self.api.settings.send_empty_reply):
            return logged
        connection.last_active = now
        self._measure("MessageCount", 1, route.key)
        return [Send(request.connection_id, answer.body), *logged]

    def _forget(self, connection_id: str, code: int, reason: str, now: float) -> list[Effect]:
        """Drop a connection and tell `$disconnect`. What is still under way for it will find it gone."""
        connection = self._connections.pop(connection_id, None)
        route = self.api.routes.get(DISCONNECT)
        if connection is None or route is None or route.integration is None or self._faults("disconnect-lost"):
            return []
        request = Request(
            self.api, connection.caller, "DISCONNECT", DISCONNECT, self._new_id(OF_REQUEST), now, close=(code, reason)
        )
        return self._begin(request, route, now, _LATE_SECONDS if self._faults("disconnect-late") else 0.0)

    # What is told.

    def _turned_away(self, request: Request, text: str, status: int, problem: str = "") -> list[Effect]:
        """A message that reaches no integration."""
        self._measure("ClientError", 1, None)
        request.told["error"] = _error(text) | ({"validationErrorString": problem} if problem else {})
        return [Send(request.connection_id, self._frame(request, text)), *self._logged(request, status)]

    def _frame(self, request: Request, text: str) -> str:
        """An error frame. Only that of model validation names the message in place of the request."""
        frame = {"message": text, "connectionId": request.connection_id}
        frame |= {"messageId": request.message_id} if text == "Bad request body" else {"requestId": request.id}
        return msgspec.json.encode(frame).decode()

    def _logged(self, request: Request, status: int) -> list[Effect]:
        if self.api.access_log is None:
            return []
        request.told["status"] = status
        return [Log(self.api.access_log.line(request.context()))]


def _error(text: str) -> dict[str, str]:
    """`$context.error`: the message, and the same in quotes."""
    return {"message": text, "messageString": f'"{text}"'}


_NOT_EXECUTED = frozenset(
    {Failed.TIMED_OUT, Failed.NOT_INVOKED, Failed.THROTTLED, Failed.UNREACHABLE, Failed.BAD_REQUEST, Failed.NO_TEMPLATE}
)
_FRAMES = {
    Failed.TIMED_OUT: ("Endpoint request timed out", 504),
    Failed.NO_TEMPLATE: ("Unsupported Media Type", 415),
}
