"""The sockets of a pod, and the threads in which the backend works for them.

The event loop owns every socket. Threads call AWS, one message of a connection at a time, and hand over what is to be
sent by `call_soon_threadsafe`, so that it goes out in the order in which the backend said it.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from picows import WSCloseCode

from backend.ports import UnavailableError
from backend.records import Connection, Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from backend.lifecycle import Lifecycle
    from backend.presence import Presence
    from backend.router import Inquiry, Router
    from backend.sessions import Sessions
    from pods.sockets.figures import Figures
    from pods.sockets.limits import Limits
    from pods.sockets.socket import Socket

logger = Logger()

#: As many as botocore keeps connections for one client.
THREADS = 10
#: Sends in one turn of the event loop: some milliseconds.
SLICE = 500

# Everybody asks for a session and its rooms: so long it takes, or so many do in a second.
_CATCH_UP_SECONDS, _CATCH_UP_RATE = 2.0, 500


class Hub:
    """Everything that is open. `router`, `lifecycle`, `sessions` and `presence` are put in before the first socket."""

    router: Router
    lifecycle: Lifecycle
    sessions: Sessions
    presence: Presence

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits, figures: Figures) -> None:
        self.loop = loop
        self.limits = limits
        self.figures = figures
        #: Part of every connection id: a pod that starts again is another one.
        self.pod = secrets.token_hex(6)
        self.sockets: dict[str, Socket] = {}
        self.missed = asyncio.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="backend")
        self._working = 0

    def new_connection(self, principal: str | None) -> Connection:
        """The identity of a socket that opens."""
        return Connection(f"{self.pod}.{secrets.token_urlsafe(12)}", time.time(), principal)

    # --- a socket's life, on the event loop --------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """Count it, and give it its session. What it asks for meanwhile waits."""
        self.sockets[socket.connection.id] = socket
        self.figures.active += 1
        socket.busy = True
        self._submit(self._begin, socket)

    def ask(self, socket: Socket, inquiry: Inquiry) -> None:
        """Let a thread answer."""
        self._submit(self._answer, socket, inquiry)

    def closed(self, socket: Socket) -> None:
        """It has ended: let go of its session once no thread works for it."""
        self.figures.active -= 1
        self.figures.ended[socket.ended_by] += 1
        self.sockets.pop(socket.connection.id, None)
        if not socket.busy:
            self.finish(socket)

    def finish(self, socket: Socket) -> None:
        """Let go of the session of a socket that has ended."""
        self._submit(self.lifecycle.disconnect, socket.connection, time.time())

    def deliver(self, connection_ids: Sequence[str], frame: bytes, start: int = 0) -> None:
        """Send a frame to those that are still there, a slice in each turn of the event loop."""
        for connection_id in connection_ids[start : start + SLICE]:
            socket = self.sockets.get(connection_id)
            if socket is not None:
                socket.send(frame)
        if start + SLICE < len(connection_ids):
            self.loop.call_soon(self.deliver, connection_ids, frame, start + SLICE)

    def dismiss(self, connection_id: str) -> None:
        """Close a connection whose session is another one's now."""
        socket = self.sockets.get(connection_id)
        if socket is not None:
            socket.close(WSCloseCode.OK, "", "backend")

    def missing(self, room: str | None, members: Iterable[Member]) -> None:
        """Let go of connections that were looked for here and are not here."""
        for member in members:
            self._submit(self.let_go, room, member)

    def let_go(self, room: str | None, member: Member) -> None:
        """A connection is no more: so say its session and its rooms. In a thread."""
        self.presence.gone(room, member)

    async def tell_who_missed(self) -> None:
        """After `missed` is set, tell everybody that hints may have been lost: clients ask for what they lack. Until
        cancelled."""
        while True:
            await self.missed.wait()
            self.missed.clear()
            for sockets in self.slices(max(_CATCH_UP_SECONDS, len(self.sockets) / _CATCH_UP_RATE)):
                for socket in sockets:
                    socket.send(b'{"type":"catch-up"}')
                await asyncio.sleep(0.1)

    def slices(self, seconds: float) -> Iterator[list[Socket]]:
        """All sockets in random order, in as many parts as there are tenths of seconds."""
        sockets = list(self.sockets.values())
        random.shuffle(sockets)
        size = max(1, -(-len(sockets) // max(1, round(seconds * 10))))
        for start in range(0, len(sockets), size):
            yield sockets[start : start + size]

    # --- what happens by the clock -----------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Ping the silent, cut the dead, send away the old, keep the sessions of the others; until cancelled."""
        while True:
            await asyncio.sleep(min(5.0, self.limits.ping_seconds / 4))
            for start, sockets in enumerate(self.slices(1.0)):
                if start:
                    await asyncio.sleep(0)
                for socket in sockets:
                    self._look_at(socket, self.loop.time(), time.time())

    def _look_at(self, socket: Socket, now: float, wall: float) -> None:
        silent = now - socket.seen
        if silent >= self.limits.idle_seconds:
            socket.abort("idle")
        elif wall - socket.connection.connected_at >= self.limits.max_age_seconds:
            socket.leave()
        elif silent >= self.limits.ping_seconds:
            if not socket.pinged:
                socket.ping()
        elif not socket.busy and not socket.closing and self.sessions.touch_is_due(socket.connection, wall):
            socket.busy = True  # a client that answers pings is there: it keeps its session
            self._submit(self._touch, socket)

    async def measure(self) -> None:
        """Keep the figures that have to be looked for; until cancelled."""
        lags = [0.0] * 20
        turn = 0
        while True:
            before = self.loop.time()
            await asyncio.sleep(0.5)
            lags[turn % len(lags)] = max(0.0, self.loop.time() - before - 0.5)
            turn += 1
            self.figures.lag_seconds = max(lags)
            if turn % 4 == 0:
                self.figures.unsent_bytes = sum(socket.unsent for socket in self.sockets.values())

    # --- threads -----------------------------------------------------------------------------------------------------

    @property
    def working(self) -> int:
        """Jobs that threads have not done yet."""
        return self._working

    def stop(self) -> None:
        """End the threads; what has not begun is left."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, work: Callable[..., object], *arguments: object) -> None:
        self._working += 1
        self._pool.submit(work, *arguments).add_done_callback(self._done)

    def _done(self, future: Future[object]) -> None:
        if not future.cancelled():
            error = future.exception()
            if isinstance(error, UnavailableError):
                logger.warning("store unavailable", reason=str(error))
            elif error is not None:
                logger.error("work failed", exc_info=error)
            self.loop.call_soon_threadsafe(self._finished)

    def _finished(self) -> None:
        self._working -= 1

    def _begin(self, socket: Socket) -> None:
        begun = self.lifecycle.connect(socket.connection, time.time())
        self.loop.call_soon_threadsafe(self._begun, socket, begun)

    def _begun(self, socket: Socket, begun: bool) -> None:
        if not begun:
            socket.close(WSCloseCode.TRY_AGAIN_LATER, "try again in a moment", "unavailable")
        socket.answered(None)

    def _answer(self, socket: Socket, inquiry: Inquiry) -> None:
        reply = self.router.answer(socket.connection, inquiry, time.time())
        self.loop.call_soon_threadsafe(socket.answered, reply)

    def _touch(self, socket: Socket) -> None:
        try:
            self.sessions.touch(socket.connection, time.time())
        finally:
            self.loop.call_soon_threadsafe(socket.answered, None)
