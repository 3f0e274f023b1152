"""One WebSocket API on a loopback port: its gateway's core, its sockets, and the functions its routes lead to."""

from __future__ import annotations

import asyncio
import base64
import random
from typing import TYPE_CHECKING

from local.gateway.core import Gateway
from local.gateway.effects import Accept, Close, Effect, Failed, HttpResponse, Invoke, Outcome, Reject, Send
from local.sockets import HttpConnection, WebSocketConnection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.clock import Clock
    from local.functions.function import Function
    from local.gateway.events import Handshake
    from local.gateway.model import Api
    from local.metrics import Metrics

_SWEEP_SECONDS = 0.05  # at the least, however fast the clock runs


def new_id() -> str:
    """An identifier as API Gateway makes them: sixteen characters, the base64 of eleven bytes."""
    return base64.urlsafe_b64encode(random.randbytes(11)).decode()


class Server:
    """Runs one API. `functions` are found by their ARN."""

    def __init__(self, api: Api, functions: Mapping[str, Function], clock: Clock, metrics: Metrics) -> None:
        self.api = api
        self.limits = api.limits
        self._gateway = Gateway(api, new_id, self._measure)
        self._clock = clock
        self._functions = functions
        self._metrics = metrics
        self._sweeper: asyncio.Task[None] | None = None
        self._clients: dict[str, WebSocketConnection] = {}
        self._sockets: set[HttpConnection | WebSocketConnection] = set()

    async def bind(self, port: int) -> None:
        """Take a port of the loopback interface, 0 for any. OSError when it is busy."""
        self._listener = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(self), "127.0.0.1", port, backlog=1024, start_serving=False
        )
        self.address = "{}:{}".format(*self._listener.sockets[0].getsockname())

    async def serve(self) -> None:
        """Answer on it."""
        await self._listener.start_serving()
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

    def joined(self, connection: HttpConnection | WebSocketConnection) -> None:
        self._sockets.add(connection)

    def left(self, connection: HttpConnection | WebSocketConnection) -> None:
        self._sockets.discard(connection)

    def http(self, method: str, path: str, body: bytes) -> HttpResponse:
        response, effects = self._gateway.http(method, path, body, self._clock.now())
        self._run(effects)
        return response

    def refuse(self, path: str) -> HttpResponse | None:
        return self._gateway.refuse(path)

    def handshake(self, connection: WebSocketConnection, handshake: Handshake) -> None:
        connection.connection_id, effects = self._gateway.handshake(handshake, self._clock.now())
        self._clients[connection.connection_id] = connection
        self._run(effects)

    def message(self, connection: WebSocketConnection, text: str) -> None:
        self._run(self._gateway.receive(connection.connection_id, text, self._clock.now()))

    def ended(self, connection: WebSocketConnection, code: int, reason: str) -> None:
        self._clients.pop(connection.connection_id, None)
        self._run(self._gateway.closed(connection.connection_id, code, reason, self._clock.now()))

    # What the core asks for.

    def _run(self, effects: Iterable[Effect]) -> None:
        """Carry out effects in order."""
        for effect in effects:
            if isinstance(effect, Invoke):
                self._invoke(effect)
                continue
            client = self._clients.get(effect.connection_id)
            if client is None:
                continue
            match effect:
                case Send(_, text):
                    client.send(text)
                case Accept(_, subprotocol):
                    client.accept(subprotocol)
                case Reject(_, status, body):
                    del self._clients[effect.connection_id]
                    client.reject(HttpResponse(status, body.encode(), (("Content-Type", "application/json"),)))
                case Close(_, code, reason):
                    del self._clients[effect.connection_id]
                    client.close(code, reason)

    def _invoke(self, call: Invoke) -> None:
        function = self._functions.get(call.function_arn)
        if function is None:
            self._complete(call, Failed.NOT_INVOKED)
            return
        invocation = function.invoke(call.payload)
        if client := self._clients.get(call.connection_id):
            client.asked()

        def expired() -> None:
            self._complete(call, Failed.TIMED_OUT)
            invocation.cancel()  # if it still waits for a worker, nobody wants it any more

        timer = self._clock.call_later(call.timeout, expired)

        def done(invocation: asyncio.Future[Outcome]) -> None:
            timer.cancel()
            if not invocation.cancelled():
                self._complete(call, invocation.result())
            if client:
                client.answered()

        invocation.add_done_callback(done)

    def _complete(self, call: Invoke, outcome: Outcome) -> None:
        self._run(self._gateway.completed(call.call_id, outcome, self._clock.now()))

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
        self._metrics.add("AWS/ApiGateway", name, unit, (api,), value)
        self._metrics.add("AWS/ApiGateway", name, unit, (api, stage), value)
        if self.api.detailed_metrics and route is not None:
            self._metrics.add("AWS/ApiGateway", name, unit, (api, ("Route", route), stage), value)
