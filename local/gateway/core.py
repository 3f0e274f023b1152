"""One WebSocket API's data plane: events and the time in, effects out.

Nothing here reads a clock, a socket or a random number: `now` is passed in, in epoch seconds, and so is the source of
identifiers. The caller carries out the effects in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from local.gateway import events, proxy, selection
from local.gateway.effects import Accept, Close, Effect, Failed, HttpResponse, Invoke, Outcome, Reject, Returned, Send
from local.gateway.model import CONNECT, DISCONNECT

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.gateway.events import Caller, Event, Handshake
    from local.gateway.model import Api, Route
    from local.gateway.proxy import ProxyResponse

    Measure = Callable[[str, float, str | None], None]

# What clients and functions are told about a close, as seen on AWS.
_NO_STATUS = "Client-side close frame status not set"
_NORMAL = "Connection Closed Normally"
_GOING_AWAY = "Going away"


@dataclass(slots=True)
class _Connection:
    caller: Caller
    last_active: float
    open: bool = False
    gone: tuple[int, str] | None = None
    """Code and reason, when the client left before `$connect` had answered."""


@dataclass(frozen=True, slots=True)
class _Call:
    """An invocation under way."""

    connection_id: str
    route: Route
    request_id: str
    started: float


class Gateway:
    """The connections of one API and what is under way for them."""

    def __init__(self, api: Api, new_id: Callable[[], str], measure: Measure = lambda *_: None) -> None:
        """`measure(metric, value, route key)` is told what API Gateway's own CloudWatch metrics count."""
        self.api = api
        self._new_id = new_id
        self._measure = measure
        self._connections: dict[str, _Connection] = {}
        self._calls: dict[str, _Call] = {}

    @property
    def connections(self) -> int:
        """How many connections are open or being opened."""
        return len(self._connections)

    def refuse(self, path: str) -> HttpResponse | None:
        """The answer to an upgrade request that cannot become a connection, or None when it can.

        The stage is the only path segment of a WebSocket API's URL.
        """
        if path.strip("/") == self.api.stage:
            return None
        self._measure("ClientError", 1, None)
        return _json(403, {"message": "Forbidden"})

    def handshake(self, handshake: Handshake, now: float) -> tuple[str, list[Effect]]:
        """A client asks for a connection. Gives its new id, and an Accept at once or the `$connect` invocation."""
        connection_id = self._new_id()
        caller = events.Caller(connection_id, now, handshake.source_ip, handshake.header("user-agent"))
        connection = self._connections[connection_id] = _Connection(caller, now)
        route = self.api.routes.get(CONNECT)
        if route is None or route.integration is None:
            connection.open = True
            return connection_id, [Accept(connection_id, None)]
        self._measure("ConnectCount", 1, CONNECT)
        request_id = self._new_id()
        event = events.connect(self.api, caller, handshake, request_id, now)
        return connection_id, self._invoke(connection_id, route, request_id, event, now)

    def receive(self, connection_id: str, text: str, now: float) -> list[Effect]:
        """A client sent a whole text message."""
        connection = self._connections.get(connection_id)
        if connection is None or not connection.open:
            return []
        connection.last_active = now
        request_id = self._new_id()
        key = selection.select(self.api.selection, self.api.routes, text)
        self._measure("MessageCount", 1, key)
        if key is None:
            self._measure("ClientError", 1, None)
            return [self._error(connection_id, request_id, "Forbidden")]
        route = self.api.routes[key]
        if route.integration is None:
            return []
        event = events.message(self.api, connection.caller, key, text, request_id, self._new_id(), now)
        return self._invoke(connection_id, route, request_id, event, now)

    def closed(self, connection_id: str, code: int, reason: str, now: float) -> list[Effect]:
        """The client's side ended, with a code of RFC 6455: 1005 is a close frame without one, 1006 a lost socket."""
        if code == 1005:
            reason = _NO_STATUS
        elif code == 1000 and not reason:
            reason = _NORMAL
        connection = self._connections.get(connection_id)
        if connection is not None and not connection.open:
            # `$connect` is still under way. Only if it succeeds is there something for `$disconnect` to clear up.
            connection.gone = (code, reason)
            return []
        return self._forget(connection_id, code, reason, now)

    def completed(self, call_id: str, outcome: Outcome, now: float) -> list[Effect]:
        """An invocation ended. A late or repeated end, or one for a client that has gone, changes nothing."""
        call = self._calls.pop(call_id, None)
        if call is None:
            return []
        self._measure("IntegrationLatency", (now - call.started) * 1000, call.route.key)
        response = proxy.parse(outcome.payload) if isinstance(outcome, Returned) else None
        if outcome in {Failed.TIMED_OUT, Failed.NOT_INVOKED, Failed.THROTTLED}:
            self._measure("ExecutionError", 1, call.route.key)
        elif response is None or response.status >= 400:
            self._measure("IntegrationError", 1, call.route.key)
        connection = self._connections.get(call.connection_id)
        if connection is None:
            return []
        if call.route.key == CONNECT:
            return self._connected(connection, call, outcome, response, now)
        if response is None:
            timed_out = outcome is Failed.TIMED_OUT
            text = "Endpoint request timed out" if timed_out else "Internal server error"
            return [self._error(call.connection_id, call.request_id, text)]
        if not call.route.responds or not response.body:
            return []
        connection.last_active = now
        self._measure("MessageCount", 1, call.route.key)
        return [Send(call.connection_id, response.body)]

    def http(self, method: str, path: str, body: bytes, now: float) -> tuple[HttpResponse, list[Effect]]:
        """A request that asks for no upgrade.

        @connections calls are POST, GET and DELETE of `/{stage}/@connections/{id}`, the id URL-encoded or not.
        """
        stage, _, rest = path.removeprefix("/").partition("/")
        resource, _, encoded = rest.partition("/")
        connection_id = unquote(encoded)
        if method == "GET" and stage == self.api.stage and unquote(resource) != "@connections":
            return _json(426, {"message": "Upgrade Required"}, ("Upgrade", "websocket")), []
        if stage != self.api.stage or unquote(resource) != "@connections" or not connection_id:
            return _service_error(403, "ForbiddenException", "Forbidden"), []
        if method not in {"POST", "GET", "DELETE"}:
            return _service_error(403, "ForbiddenException", "Missing Authentication Token"), []
        return self._manage(method, connection_id, body, now)

    def _manage(self, method: str, connection_id: str, body: bytes, now: float) -> tuple[HttpResponse, list[Effect]]:
        connection = self._connections.get(connection_id)
        if connection is None or not connection.open:
            return _service_error(410, "GoneException", "Gone"), []
        if method == "POST":
            if len(body) > self.api.limits.message:
                return _service_error(413, "PayloadTooLargeException", "Payload Too Large"), []
            connection.last_active = now
            self._measure("MessageCount", 1, None)
            return HttpResponse(200), [Send(connection_id, body.decode(errors="replace"))]
        if method == "DELETE":
            effects: list[Effect] = [Close(connection_id, 1000, "")]
            return HttpResponse(204), effects + self._forget(connection_id, 1000, _NORMAL, now)
        return _json(200, _description(connection)), []

    def expire(self, now: float) -> list[Effect]:
        """Close what has been idle or open for too long; to be called about once a second."""
        limits = self.api.limits
        stale = [
            connection.caller.connection_id
            for connection in self._connections.values()
            if connection.open
            and (now - connection.last_active >= limits.idle or now - connection.caller.connected_at >= limits.lifetime)
        ]
        effects: list[Effect] = []
        for connection_id in stale:
            effects.append(Close(connection_id, 1001, _GOING_AWAY))
            effects += self._forget(connection_id, 1001, _GOING_AWAY, now)
        return effects

    def _connected(
        self, connection: _Connection, call: _Call, outcome: Outcome, response: ProxyResponse | None, now: float
    ) -> list[Effect]:
        if response is not None and response.ok:
            if connection.gone is not None:
                return self._forget(call.connection_id, *connection.gone, now)
            connection.open = True
            connection.last_active = now
            return [Accept(call.connection_id, response.subprotocol)]
        del self._connections[call.connection_id]
        if response is not None:
            # The integration's own refusal is passed on as it is; its body and headers are not.
            return [Reject(call.connection_id, response.status, "")]
        status = (
            {Failed.TIMED_OUT: 504, Failed.NOT_INVOKED: 500, Failed.THROTTLED: 500}.get(outcome, 502)
            if isinstance(outcome, Failed)
            else 502
        )
        frame = self._error(call.connection_id, call.request_id, "Internal server error")
        return [Reject(call.connection_id, status, frame.text)]

    def _invoke(self, connection_id: str, route: Route, request_id: str, event: Event, now: float) -> list[Effect]:
        assert route.integration is not None  # noqa: S101 - callers have looked
        call_id = self._new_id()
        self._calls[call_id] = _Call(connection_id, route, request_id, now)
        payload = msgspec.json.encode(event)
        return [Invoke(connection_id, call_id, route.integration.function_arn, payload, route.integration.timeout)]

    def _forget(self, connection_id: str, code: int, reason: str, now: float) -> list[Effect]:
        """Drop a connection and tell `$disconnect`. What is still under way for it will find it gone."""
        connection = self._connections.pop(connection_id, None)
        route = self.api.routes.get(DISCONNECT)
        if connection is None or route is None or route.integration is None:
            return []
        request_id = self._new_id()
        event = events.disconnect(self.api, connection.caller, code, reason, request_id, now)
        return self._invoke(connection_id, route, request_id, event, now)

    def _error(self, connection_id: str, request_id: str, text: str) -> Send:
        frame = {"message": text, "connectionId": connection_id, "requestId": request_id}
        return Send(connection_id, msgspec.json.encode(frame).decode())


def _description(connection: _Connection) -> dict[str, object]:
    identity = {"sourceIp": connection.caller.source_ip}
    if connection.caller.user_agent is not None:
        identity["userAgent"] = connection.caller.user_agent
    return {
        "connectedAt": _iso(connection.caller.connected_at),
        "identity": identity,
        "lastActiveAt": _iso(connection.last_active),
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(status: int, content: object, *headers: tuple[str, str]) -> HttpResponse:
    return HttpResponse(status, msgspec.json.encode(content), (("Content-Type", "application/json"), *headers))


def _service_error(status: int, kind: str, message: str) -> HttpResponse:
    """An error as AWS SDKs read it: they take the exception's name from the header."""
    return _json(status, {"message": message}, ("x-amzn-ErrorType", kind))
