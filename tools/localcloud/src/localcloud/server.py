"""One WebSocket API on a loopback port: its gateway's core, its sockets, and the functions its routes lead to."""

from __future__ import annotations

import asyncio
import base64
import random
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from localcloud import access
from localcloud.api_connection import ApiConnection
from localcloud.clock import Timeouts
from localcloud.gateway.core import Gateway
from localcloud.gateway.effects import Accept, Close, Failed, Fetch, HttpResponse, Invoke, Log, Reject, Send
from localcloud.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from localcloud.clock import Clock
    from localcloud.functions.function import Function, Invocation
    from localcloud.gateway.effects import Effect, Handshake, Outcome
    from localcloud.gateway.model import Api
    from localcloud.http_client import Exchange, HttpClient
    from localcloud.http_server import HttpConnection
    from localcloud.metrics import Metrics, Series
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
class Surroundings:
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

    timeouts: Timeouts[str]
    client: WebSocketConnection | None
    call: Invocation | Exchange | None = None


class Server:
    """Runs one API."""

    def __init__(self, api: Api, surroundings: Surroundings, clock: Clock) -> None:
        self._surroundings = surroundings
        self.clock = clock
        self.sockets: set[HttpConnection | WebSocketConnection] = set()
        self._series: dict[tuple[str, str | None], Series] = {}
        self._timeouts: dict[float, Timeouts[str]] = {}
        self.use(api)
        self._hosts = access.hosts([api.domain_name, *(domain.name for domain in api.domains)])
        self._sweeper: asyncio.Task[None] | None = None
        self._clients: dict[str, WebSocketConnection] = {}
        self._underway: dict[str, _Underway] = {}

    def use(self, api: Api) -> None:
        """Run the API as it is now known; only before it is served."""
        self.api = api
        self.limits = api.limits
        self.settings = api.settings
        self._series.clear()
        self.gateway = Gateway(api, new_id, self._measure, self._surroundings.faults, self.clock.real)

    @property
    def idle(self) -> bool:
        """Whether there is no socket, no connection and no call."""
        return not (self.sockets or self._clients or self._underway or self.gateway.connections)

    def bind(self, port: int) -> None:
        """Take a port of the loopback interface, 0 for any. OSError when it is busy."""
        self._listener = Listener(port)
        self.address = self._listener.address

    async def serve(self) -> None:
        """Answer on it."""
        await self._listener.serve(lambda: ApiConnection(self))
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    async def stop(self) -> None:
        """Close every connection with 1001 and stop listening."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._listener.close()
        for socket in list(self.sockets):
            socket.close()
        await asyncio.sleep(0)  # lets the close frames out

    # What the sockets report.

    def forbidden(self, headers: Mapping[str, str]) -> str | None:
        return access.refusal(headers, self._hosts, self._surroundings.origins)

    def handshake(self, connection: WebSocketConnection, handshake: Handshake) -> None:
        connection.connection_id, effects = self.gateway.handshake(handshake, self.clock.now())
        self._clients[connection.connection_id] = connection
        self.run(effects)

    def ended(self, connection: WebSocketConnection, code: int, reason: str) -> None:
        self._clients.pop(connection.connection_id, None)
        self.run(self.gateway.closed(connection.connection_id, code, reason, self.clock.now()))

    # What the gateway asks for.

    def run(self, effects: Iterable[Effect]) -> None:
        """Carry out effects in order."""
        for effect in effects:
            match effect:
                case Invoke() | Fetch() if effect.delay:
                    self.clock.call_later(effect.delay, self.run, (replace(effect, delay=0.0),))
                case Invoke() | Fetch():
                    client = self._clients.get(effect.connection_id)
                    if client is not None:
                        client.asked()
                    underway = self._underway[effect.call_id] = _Underway(self._timeout(effect.timeout), client)
                    underway.timeouts.start(effect.call_id)
                    ended = partial(self._ended, effect.call_id)
                    if self._surroundings.faults("integration-timeout"):
                        continue  # nobody is asked, so nobody answers
                    if isinstance(effect, Fetch):
                        underway.call = self._surroundings.http.fetch(effect, ended)
                    elif (function := self._surroundings.functions.get(effect.function_arn)) is not None:
                        underway.call = function.call(effect.payload, ended)
                    else:
                        ended(Failed.NOT_INVOKED)
                case Log(line):
                    self._surroundings.log(self.api.log_group, line)
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

    def _timeout(self, seconds: float) -> Timeouts[str]:
        if seconds not in self._timeouts:
            self._timeouts[seconds] = Timeouts[str](self.clock, seconds, self._timed_out)
        return self._timeouts[seconds]

    def _timed_out(self, call_id: str) -> None:
        call = self._underway[call_id].call
        self._ended(call_id, Failed.TIMED_OUT)
        if call is not None:
            call.cancel()  # if it still waits for a worker, nobody wants it any more

    def _ended(self, call_id: str, outcome: Outcome) -> None:
        underway = self._underway.pop(call_id, None)
        if underway is None:
            return
        underway.timeouts.stop(call_id)
        self.run(self.gateway.completed(call_id, outcome, self.clock.now()))
        if underway.client is not None:
            underway.client.answered()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(max(1 / self.clock.scale, _SWEEP_SECONDS))
            self.run(self.gateway.expire(self.clock.now()))

    def _measure(self, name: str, value: float, route: str | None) -> None:
        """API Gateway's metrics by API, by stage, and by route where the stage asks for it.

        Source: "Monitor WebSocket API execution with CloudWatch metrics", Amazon API Gateway Developer Guide.
        """
        series = self._series.get((name, route))
        if series is None:
            unit = "Milliseconds" if name == "IntegrationLatency" else "Count"
            api, stage = ("ApiId", self.api.id), ("Stage", self.api.stage)
            dimensions = [(api,), (api, stage)]
            if self.api.detailed_metrics and route is not None:
                dimensions.append((api, ("Route", route), stage))
            series = self._surroundings.metrics.series("AWS/ApiGateway", name, unit, *dimensions)
            self._series[name, route] = series
        series.add(value, self.clock.now())
