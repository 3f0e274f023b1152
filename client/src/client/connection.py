"""The client on asyncio and `websockets`: a thin shell around the rules in `client.core`."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, WebSocketException
from websockets.protocol import State

from client.core import Core, Times, fragments
from client.errors import ClosedError, RefusedError, TakenOverError, UnansweredError
from client.events import Answered, Event, Lost, Message, Result, Resumed, TakenOver, Unanswered

_OPENING = 10.0  # seconds that a handshake may take
_CLOSING = 1.0  # seconds that the closing one may take
_FRAGMENTS = 100  # a second at most: a pod that holds sockets takes 200, with pings and pongs


class Options(TypedDict, total=False):
    """How to ask: every request takes these as keywords."""

    timeout: float  #: seconds, or else `Times.answer`
    request_id: str  #: of a request that got no answer, to ask for the same again: 1 to 128 characters


class Client:
    """One session, kept through any number of connections.

    ```python
    async with Client("ws://127.0.0.1:4001/prod") as client:
        await client.join("lobby")
        await client.publish("lobby", {"text": "hello"})
        async for event in client:
            print(event)
    ```

    What arrives waits for whoever iterates; when `waiting` events do, reading from the socket stops.

    A request is sent again until its answer comes. It raises RefusedError when the answer is no or the message is too
    large, UnansweredError when none came in time, and ClosedError.
    """

    def __init__(self, url: str, *, times: Times | None = None, waiting: int = 10_000) -> None:
        self._url = url
        self._core = Core(times)
        self._events: asyncio.Queue[Message | Result | Lost] = asyncio.Queue(waiting)
        self._answers: dict[str, asyncio.Future[Answered | Unanswered]] = {}
        self._socket: ClientConnection | None = None
        self._ready = asyncio.Event()
        self._stirred = asyncio.Event()  # something is to be sent, or due before the time that is waited for
        self._wakes = math.inf
        self._closed: ClosedError | None = None
        self._running: asyncio.Task[None] | None = None
        self.reconnects = 0

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        waiting = asyncio.create_task(self._ready.wait())
        await asyncio.wait({self._running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._closed is not None:
            raise self._closed
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over(ClosedError("the client is closed"))
        try:
            if self._socket is not None:
                await self._close(self._socket)
        finally:
            if self._running is not None:
                self._running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._running

    @property
    def session_id(self) -> str:
        """The public id of the session: where others send to."""
        return self._core.session_id or ""

    async def join(self, room: str, **options: Unpack[Options]) -> None:
        """Receive what is published in a room from now on."""
        await self._ask("join", options, room=room)

    async def leave(self, room: str, **options: Unpack[Options]) -> None:
        """Receive no more of it."""
        await self._ask("leave", options, room=room)

    async def publish(self, room: str, data: Any, **options: Unpack[Options]) -> int:
        """Publish in a room; the message's `seq`, once it is kept."""
        return int((await self._ask("publish", options, room=room, data=data))["seq"])

    async def send(self, to: str, data: Any, **options: Unpack[Options]) -> int:
        """Send to a session; the message's `seq` in its inbox, once it is kept."""
        return int((await self._ask("send", options, to=to, data=data))["seq"])

    async def work(self, data: Any, **options: Unpack[Options]) -> str:
        """Have work done; the id of the Result that will come."""
        return str((await self._ask("work", options, data=data))["id"])

    async def __aiter__(self) -> AsyncIterator[Message | Result | Lost]:
        """What arrives: each message once, in the order of its stream. Raises TakenOverError when that happens."""
        while True:
            while not self._events.empty():
                yield self._events.get_nowait()
            getting = asyncio.ensure_future(self._events.get())
            try:
                await asyncio.wait({getting, *self._run_task()}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not getting.done():
                    getting.cancel()
            if not getting.done() or getting.cancelled():
                if isinstance(self._closed, TakenOverError):
                    raise self._closed
                return
            yield getting.result()

    def _run_task(self) -> set[asyncio.Task[None]]:
        return {self._running} if self._running is not None else set()

    async def _ask(self, action: str, options: Options, **fields: Any) -> dict[str, Any]:
        if self._closed is not None:
            raise self._closed
        identifier = self._core.request(action, time.monotonic(), options.get("request_id"), **fields)
        answer: asyncio.Future[Answered | Unanswered] = asyncio.get_running_loop().create_future()
        self._answers[identifier] = answer
        self._stir()
        seconds = options.get("timeout", self._core.times.answer)
        try:
            async with asyncio.timeout(seconds):
                outcome = await answer
        except TimeoutError:
            raise UnansweredError(f"no answer within {seconds:g} s", identifier) from None
        finally:
            del self._answers[identifier]
            self._core.forget(identifier)
        if isinstance(outcome, Unanswered):
            raise UnansweredError(outcome.reason, identifier)
        if outcome.reply["type"] == "error":
            raise RefusedError(outcome.reply["code"], outcome.reply["message"])
        return outcome.reply

    # --- connections -------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while self._closed is None:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                async with connect(
                    self._url, open_timeout=_OPENING, close_timeout=_CLOSING, ping_interval=None, max_size=2**18
                ) as socket:
                    await self._connection(socket)
            self._socket = None
            wait = self._core.disconnected(time.monotonic())
            if self._closed is None:
                self.reconnects += 1
                await asyncio.sleep(wait)

    async def _connection(self, socket: ClientConnection) -> None:
        self._core.connected(time.monotonic())
        self._socket = socket
        driving = asyncio.create_task(self._drive(socket))
        try:
            async for text in socket:
                for event in self._core.received(str(text), time.monotonic()):
                    await self._handle(event)
                if self._closed is not None:
                    return
                self._stir()
        except ConnectionClosedError as closed:
            if closed.rcvd is not None and closed.rcvd_then_sent:
                for event in self._core.closed(closed.rcvd.code):
                    await self._handle(event)
        finally:
            driving.cancel()

    async def _drive(self, socket: ClientConnection) -> None:
        """Do what is due and send what is to be sent: nothing else does, so a request neither waits for the socket nor
        breaks off in the middle of a message."""
        while (now := time.monotonic()) < self._core.due or self._core.tick(now):
            await self._flush(socket)
            self._stirred.clear()
            self._wakes = self._core.due
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wakes - time.monotonic()):
                    await self._stirred.wait()
        await self._close(socket)

    def _stir(self) -> None:
        """A frame or a request may have made something due earlier, or left something to be sent."""
        if self._core.outbox or self._core.due < self._wakes:
            self._stirred.set()

    async def _flush(self, socket: ClientConnection) -> None:
        """Send what is to be sent. What does not go out is sent again on the next connection."""
        while self._core.outbox and socket.state is State.OPEN:
            frames = fragments(self._core.outbox.popleft())
            try:
                async with asyncio.timeout(self._core.times.dead):
                    await socket.send(frames[0] if len(frames) == 1 else frames, text=True)
            except TimeoutError:
                socket.transport.abort()  # nobody reads at the other end
            except WebSocketException:
                pass
            if len(frames) > 1:
                await asyncio.sleep(len(frames) / _FRAGMENTS)

    async def _close(self, socket: ClientConnection) -> None:
        """`close` alone waits for as long as nobody reads at the other end."""
        try:
            async with asyncio.timeout(_CLOSING):
                await socket.close()
        except TimeoutError:
            socket.transport.abort()

    async def _handle(self, event: Event) -> None:
        match event:
            case Answered(identifier) | Unanswered(identifier):
                if (answer := self._answers.get(identifier)) is not None and not answer.done():
                    answer.set_result(event)
            case Resumed():
                self._ready.set()
            case TakenOver():
                self._over(TakenOverError("another connection resumed this session"))
            case _:
                await self._events.put(event)

    def _over(self, error: ClosedError) -> None:
        self._closed = self._closed or error
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self._closed)
