"""The paths that API Gateway calls, and the two that probes ask for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.lifecycle import Lifecycle
from backend.log import logger
from backend.router import Router
from pods.api.gateway import SECRET, Call, Reader, RefusedError, collect
from pods.api.secret import GatewaySecret

T = TypeVar("T")

#: The largest message of a WebSocket API.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
MOST_BYTES = 128 * 1024
#: Requests that may wait for a thread, for each that there is. The gateway itself waits 29 seconds at most.
WAITING = 32
#: At most so often, in seconds, the log says that a request was refused with a certain status.
QUIET_SECONDS = 10

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_CLOSE = (b"connection", b"close")


class Traffic:
    """How many requests are being answered, when the last was, and whether there are to be more."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.last = 0.0
        self.draining = False
        self.given_up = 0


class Workers:
    """Threads for what asks AWS for something, and how many may wait for one."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "worker")
        self._most = threads * (1 + WAITING)
        self._busy = 0

    async def run(self, act: Callable[[], T]) -> T:
        """Run it in a thread. Raises RefusedError when too many wait."""
        if self._busy >= self._most:
            raise RefusedError(503, "too much to do; try again in a moment")
        self._busy += 1
        # It is counted until the thread has done it, even when whoever asked for it has gone.
        future = self._pool.submit(act)
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def _done(self, _future: object) -> None:
        self._busy -= 1

    def stop(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


Act = Callable[[Call, bytes], Awaitable[tuple[int, str | None]]]


class Path:
    """One path as an ASGI application: Starlette's own requests and responses would cost more than the answers."""

    def __init__(self, answer: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)


class Routes:
    """Connections' life and messages over HTTP: `refused` is told the status of every request that is not answered."""

    def __init__(
        self,
        reader: Reader,
        secret: GatewaySecret,
        lifecycle: Lifecycle,
        router: Router,
        workers: Workers,
        traffic: Traffic,
        refused: Callable[[int], None],
    ) -> None:
        self._reader = reader
        self._secret = secret
        self._lifecycle = lifecycle
        self._router = router
        self._workers = workers
        self._traffic = traffic
        self._refused = refused
        self._logged: dict[int, float] = {}

    def application(self) -> ASGIApp:
        """The ASGI application. A message goes past Starlette, whose way to a route costs as much as an answer."""
        message = partial(self._called, self._message)
        others = self._others()

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] == "/message" and scope["method"] == "POST":
                await message(scope, receive, send)
            else:
                await others(scope, receive, send)

        return application

    def _others(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/message", self._path(self._message), methods=["POST"]),
                Route("/connect", self._path(self._connect), methods=["POST"]),
                Route("/disconnect", self._path(self._disconnect), methods=["POST"]),
                Route("/healthz", Path(self._healthz), methods=["GET"]),
                Route("/readyz", Path(self._readyz), methods=["GET"]),
            ]
        )

    def _path(self, act: Act) -> Path:
        return Path(partial(self._called, act))

    async def _called(self, act: Act, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of the gateway's, and nobody else's."""
        traffic = self._traffic
        traffic.in_flight += 1
        try:
            try:
                said = collect(scope["headers"])
                shown = said.get(SECRET, b"")
                if not self._secret.matches(shown):
                    await self._secret.expect(shown)
                status, reply = await act(self._reader.call(said), await _body(receive))
            except RefusedError as error:
                self._refuse(error)
                await self._send(send, error.status, f"{error}\n", close=True)
                return
            except asyncio.CancelledError:  # the server does so with what has not been answered in time
                traffic.given_up += 1
                await self._send(send, 503, "shutting down\n", close=True)
                return
            await self._send(send, status, reply)
        finally:
            traffic.in_flight -= 1
            traffic.last = time.monotonic()

    async def _send(self, send: Send, status: int, text: str | None = None, *, close: bool = False) -> None:
        """Send an answer; a connection to a pod that is to end ends with it."""
        body = b"" if text is None else text.encode()
        headers = [(b"content-length", b"%d" % len(body))]
        if body:
            headers.append(_TEXT)
        if close or self._traffic.draining:
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _connect(self, call: Call, _body: bytes) -> tuple[int, str | None]:
        accepted = await self._workers.run(
            lambda: self._lifecycle.connect(call.connection, time.time(), call.get("request-id"))
        )
        return (200 if accepted else 500), None

    async def _disconnect(self, call: Call, _body: bytes) -> tuple[int, str | None]:
        done = await self._workers.run(
            lambda: self._lifecycle.disconnect(call.connection, time.time(), call.get("request-id"))
        )
        return (200 if done else 500), None

    async def _message(self, call: Call, body: bytes) -> tuple[int, str | None]:
        """What needs neither table nor queue, as an echo between two touches, is answered on the event loop."""
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise RefusedError(400, "the body is not UTF-8, which every text frame is") from None
        now = time.time()
        router, connection, request_id = self._router, call.connection, call.get("request-id")
        message = router.parse(connection, text, now)
        if message.immediate:
            return 200, router.answer(connection, message, now, request_id)
        return 200, await self._workers.run(lambda: router.answer(connection, message, now, request_id))

    async def _healthz(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await self._send(send, 200, "alive\n")

    async def _readyz(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        if self._traffic.draining:
            await self._send(send, 503, "shutting down\n")
        elif not self._secret.known:
            await self._send(send, 503, "the gateway's secret is not known yet\n")
        else:
            await self._send(send, 200, "ready\n")

    def _refuse(self, error: RefusedError) -> None:
        self._refused(error.status)
        now = time.monotonic()
        if now - self._logged.get(error.status, float("-inf")) >= QUIET_SECONDS:
            self._logged[error.status] = now
            logger.warning("request refused", status=error.status, reason=str(error))


async def _body(receive: Receive) -> bytes:
    """The whole body. Raises RefusedError when it is too large, or was cut off."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts, size = [body], len(body)
        while message.get("more_body"):
            if size > MOST_BYTES:
                break
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
        body = b"".join(parts)
    if message["type"] != "http.request":
        raise RefusedError(400, "the body is not complete")
    if len(body) > MOST_BYTES:
        raise RefusedError(413, f"a message has at most {MOST_BYTES} bytes")
    return body
