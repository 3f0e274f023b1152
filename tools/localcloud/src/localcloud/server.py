"""One WebSocket API on a loopback port: its gateway's core, its sockets, and the functions its routes lead to."""

from __future__ import annotations

import asyncio
import base64
import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from localcloud.aws import access
from localcloud.gateway.core import Gateway
from localcloud.gateway.effects import Accept, Close, Failed, Fetch, HttpResponse, Invoke, Log, Reject, Send
from localcloud.http_connection import HttpConnection
from localcloud.lingering import Lingering
from localcloud.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from localcloud.clock import Clock
    from localcloud.functions.function import Function
    from localcloud.gateway.effects import Call, Effect, Handshake, Outcome
    from localcloud.gateway.model import Api
    from localcloud.http_client import HttpClient
    from localcloud.metrics import Metrics
    from localcloud.sockets import WebSocketConnection

_SWEEP_SECONDS = 0.05  # at the least, however fast the clock runs


_REGION = "oAM"  # what captures from us-east-1 have in every identifier


def new_id(kind: str) -> str:
    """An identifier as API Gateway makes them: sixteen characters, the base64 of eleven bytes.

    The twelfth character is the `kind`, and the three before it go with the Region.
    """
    drawn = base64.urlsafe_b64encode(random.randbytes(11)).decode()
    return f"{drawn[:8]}{_REGION}{kind}{drawn[12:]}"


@dataclass(frozen=True, slots=True)
class Outside:
    """What a server's effects reach: functions by their ARN, HTTP endpoints, metrics, the access log; and who may come.

    `log(group, line)` writes to an access log. `origins` are web pages that may connect, besides those of loopback.
    """

    functions: Mapping[str, Function]
    http: HttpClient
    metrics: Metrics
    log: Callable[[str, str], None] = lambda *_: None
    faults: Callable[[str], bool] = lambda _: False
    origins: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Underway:
    """A call that has not ended."""

    timer: asyncio.TimerHandle
    client: WebSocketConnection | None
    cancel: Callable[[], object] | None = None


class Server:
    """Runs one API."""

    def __init__(self, api: Api, outside: Outside, clock: Clock) -> None:
        self._outside = outside
        self._clock = clock
        self.use(api)
        self._hosts = access.hosts([api.domain_name, *(domain.name for domain in api.domains)])
        self._sweeper: asyncio.Task[None] | None = None
        self._clients: dict[str, WebSocketConnection] = {}
        self._sockets: set[HttpConnection | WebSocketConnection | Lingering] = set()
        self._underway: dict[str, _Underway] = {}

    def use(self, api: Api) -> None:
        """Run the API as it is now known; only before it is served."""
        self.api = api
        self.limits = api.limits
        self.settings = api.settings
        self._gateway = Gateway(api, new_id, self._measure, self._outside.faults, self._clock.real)

    @property
    def idle(self) -> bool:
        """Whether there is no socket, no connection and no call."""
        return not (self._sockets or self._clients or self._underway or self._gateway.connections)

    def bind(self, port: int) -> None:
        """Take a port of the loopback interface, 0 for any. OSError when it is busy."""
        self._listener = Listener(port)
        self.address = self._listener.address

    async def serve(self) -> None:
        """Answer on it."""
        await self._listener.serve(lambda: HttpConnection(self))
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    async def stop(self) -> None:
        """Close every connection with 1001 and stop listening."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._listener.close()
        for socket in list(self._sockets):
            socket.close()
        await asyncio.sleep(0)  # lets the close frames out

    # What the sockets report.

    def joined(self, connection: HttpConnection | WebSocketConnection | Lingering) -> None:
        self._sockets.add(connection)

    def left(self, connection: HttpConnection | WebSocketConnection | Lingering) -> None:
        self._sockets.discard(connection)

    def forbidden(self, headers: Sequence[tuple[str, str]]) -> str | None:
        told = {"host", "origin", "sec-fetch-site"}
        browser = {key: value for name, value in headers if (key := name.lower()) in told}
        return access.refusal(browser, self._hosts, self._outside.origins)

    def http(self, method: str, path: str, query: str, headers: Sequence[tuple[str, str]], body: bytes) -> HttpResponse:
        response, effects = self._gateway.http(method, path, body, self._clock.now(), headers, query)
        self._run(effects)
        return response

    def refuse(self, path: str, headers: Sequence[tuple[str, str]]) -> HttpResponse | None:
        host = next((value for name, value in headers if name.lower() == "host"), "")
        return self._gateway.refuse(path, host)

    def handshake(self, connection: WebSocketConnection, handshake: Handshake) -> None:
        connection.connection_id, effects = self._gateway.handshake(handshake, self._clock.now())
        self._clients[connection.connection_id] = connection
        self._run(effects)

    def message(self, connection: WebSocketConnection, text: str) -> None:
        self._run(self._gateway.receive(connection.connection_id, text, self._clock.now()))

    def pinged(self, connection: WebSocketConnection) -> None:
        self._gateway.pinged(connection.connection_id, self._clock.now())

    def slow(self, connection: WebSocketConnection, slow: bool) -> None:
        self._gateway.slow(connection.connection_id, slow)

    def ended(self, connection: WebSocketConnection, code: int, reason: str) -> None:
        self._clients.pop(connection.connection_id, None)
        self._run(self._gateway.closed(connection.connection_id, code, reason, self._clock.now()))

    # What the core asks for.

    def _run(self, effects: Iterable[Effect]) -> None:
        """Carry out effects in order."""
        for effect in effects:
            match effect:
                case Invoke() | Fetch():
                    if effect.delay:
                        self._clock.call_later(effect.delay, self._call, effect)
                    else:
                        self._call(effect)
                case Log(line):
                    self._outside.log(self.api.log_group, line)
                case _:
                    self._tell(effect)

    def _tell(self, effect: Accept | Reject | Send | Close) -> None:
        """Let a client know."""
        client = self._clients.get(effect.connection_id)
        if client is None:
            return
        match effect:
            case Send(_, data):
                client.send(data)
            case Accept(_, subprotocol):
                client.accept(subprotocol)
            case Reject(_, status, body):
                del self._clients[effect.connection_id]
                client.reject(HttpResponse(status, body.encode(), (("Content-Type", "application/json"),)))
            case Close(_, code, reason):
                del self._clients[effect.connection_id]
                client.close(code, reason)

    def _call(self, call: Call) -> None:
        client = self._clients.get(call.connection_id)
        if client is not None:
            client.asked()
        timer = self._clock.call_later(call.timeout, self._timed_out, call.call_id)
        underway = self._underway[call.call_id] = _Underway(timer, client)
        if self._outside.faults("integration-timeout"):
            return  # nobody is asked, so nobody answers
        ended = partial(self._ended, call.call_id)
        if isinstance(call, Fetch):
            exchange = self._outside.http.fetch(call, ended)
            underway.cancel = exchange.cancel if exchange is not None else None
        elif (function := self._outside.functions.get(call.function_arn)) is not None:
            invocation = function.invoke(call.payload)
            underway.cancel = invocation.cancel  # if it still waits for a worker, nobody wants it any more
            invocation.add_done_callback(lambda done: None if done.cancelled() else ended(done.result()))
        else:
            ended(Failed.NOT_INVOKED)

    def _timed_out(self, call_id: str) -> None:
        underway = self._underway.get(call_id)
        self._ended(call_id, Failed.TIMED_OUT)
        if underway is not None and underway.cancel is not None:
            underway.cancel()

    def _ended(self, call_id: str, outcome: Outcome) -> None:
        underway = self._underway.pop(call_id, None)
        if underway is None:
            return
        underway.timer.cancel()
        self._run(self._gateway.completed(call_id, outcome, self._clock.now()))
        if underway.client is not None:
            underway.client.answered()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(max(1 / self._clock.scale, _SWEEP_SECONDS))
            self._run(self._gateway.expire(self._clock.now()))

    def _measure(self, name: str, value: float, route: str | None) -> None:
        """API Gateway's metrics by API, by stage, and by route where the stage asks for it.

        Source: "Monitor WebSocket API execution with CloudWatch metrics", Amazon API Gateway Developer Guide.
        """
        unit = "Milliseconds" if name == "IntegrationLatency" else "Count"
        api, stage = ("ApiId", self.api.id), ("Stage", self.api.stage)
        self._outside.metrics.add("AWS/ApiGateway", name, unit, (api,), value)
        self._outside.metrics.add("AWS/ApiGateway", name, unit, (api, stage), value)
        if self.api.detailed_metrics and route is not None:
            self._outside.metrics.add("AWS/ApiGateway", name, unit, (api, ("Route", route), stage), value)
