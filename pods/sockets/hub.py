"""The life of a pod's sockets, and what threads do for them.

The event loop owns every socket. Threads call AWS, one message of a connection at a time, and hand over what is to be
sent by `call_soon_threadsafe`, so that it goes out in the order in which the backend said it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

from picows import WSCloseCode

from backend.records import Connection

if TYPE_CHECKING:
    from backend.application import Application
    from backend.router import ParsedMessage
    from pods.sockets.limits import Limits
    from pods.sockets.metrics import SocketMetrics
    from pods.sockets.open_sockets import OpenSockets
    from pods.sockets.socket import Socket
    from pods.sockets.threads import Threads

# Everybody asks for a session and its rooms: so long it takes, or so many do in a second.
_CATCH_UP_SECONDS, _CATCH_UP_RATE = 2.0, 500


class Hub:
    """What happens to a socket from its handshake to its end."""

    def __init__(
        self,
        limits: Limits,
        metrics: SocketMetrics,
        sockets: OpenSockets,
        threads: Threads,
        application: Application,
    ) -> None:
        self.loop = sockets.loop
        self.limits = limits
        self.metrics = metrics
        self.sockets = sockets
        self.threads = threads
        self.router = application.router
        self._lifecycle = application.lifecycle
        self._sessions = application.sessions
        self.missed = asyncio.Event()

    def new_connection(self, principal: str | None) -> Connection:
        """The identity of a socket that opens."""
        return Connection(f"{self.sockets.pod}.{secrets.token_urlsafe(12)}", time.time(), principal)

    # --- a socket's life, on the event loop --------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """Count it, and give it its session. What it asks for meanwhile waits."""
        self.sockets[socket.connection.id] = socket
        self.metrics.active += 1
        socket.busy = True
        self.threads.submit(self._begin, socket)

    def ask(self, socket: Socket, message: ParsedMessage) -> None:
        """Let a thread answer."""
        self.threads.submit(self._answer, socket, message)

    def closed(self, socket: Socket) -> None:
        """It has ended: let go of its session once no thread works for it."""
        self.metrics.active -= 1
        self.metrics.ended[socket.ended_by] += 1
        self.sockets.pop(socket.connection.id, None)
        if not socket.busy:
            self.finish(socket)

    def finish(self, socket: Socket) -> None:
        """Let go of the session of a socket that has ended."""
        self.threads.submit(self._lifecycle.disconnect, socket.connection, time.time())

    async def tell_who_missed(self) -> None:
        """After `missed` is set, tell everybody that hints may have been lost: clients ask for what they lack. Until
        cancelled."""
        while True:
            await self.missed.wait()
            self.missed.clear()
            for sockets in self.sockets.slices(max(_CATCH_UP_SECONDS, len(self.sockets) / _CATCH_UP_RATE)):
                for socket in sockets:
                    socket.send(b'{"type":"catch-up"}')
                await asyncio.sleep(0.1)

    # --- what happens by the clock -----------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Ping the silent, cut the dead, send away the old, keep the sessions of the others; until cancelled."""
        while True:
            await asyncio.sleep(min(5.0, self.limits.ping_seconds / 4))
            for start, sockets in enumerate(self.sockets.slices(1.0)):
                if start:
                    await asyncio.sleep(0)
                for socket in sockets:
                    self._look_at(socket, self.loop.time(), time.time())

    def _look_at(self, socket: Socket, now: float, wall: float) -> None:
        if socket.heard:
            socket.heard = socket.pinged = False
            socket.seen = now
        silent = now - socket.seen
        if silent >= self.limits.idle_seconds:
            socket.abort("idle")
        elif wall - socket.connection.connected_at >= self.limits.max_age_seconds:
            socket.leave()
        elif silent >= self.limits.ping_seconds:
            if not socket.pinged:
                socket.ping()
        elif not socket.busy and not socket.closing and self._sessions.touch_is_due(socket.connection, wall):
            socket.busy = True  # a client that answers pings is there: it keeps its session
            self.threads.submit(self._touch, socket)

    async def measure(self) -> None:
        """Keep the metrics that have to be looked for; until cancelled."""
        lags = [0.0] * 20
        turn = 0
        while True:
            before = self.loop.time()
            await asyncio.sleep(0.5)
            lags[turn % len(lags)] = max(0.0, self.loop.time() - before - 0.5)
            turn += 1
            self.metrics.lag_seconds = max(lags)
            if turn % 4 == 0:
                self.metrics.unsent_bytes = sum(socket.unsent for socket in self.sockets.values())

    # --- threads -----------------------------------------------------------------------------------------------------

    def _begin(self, socket: Socket) -> None:
        begun = self._lifecycle.connect(socket.connection, time.time())
        self.loop.call_soon_threadsafe(self._begun, socket, begun)

    def _begun(self, socket: Socket, begun: bool) -> None:
        if not begun:
            socket.close(WSCloseCode.TRY_AGAIN_LATER, "try again in a moment", "unavailable")
        socket.answered(None)

    def _answer(self, socket: Socket, message: ParsedMessage) -> None:
        reply = self.router.answer(socket.connection, message, time.time())
        self.loop.call_soon_threadsafe(socket.answered, reply)

    def _touch(self, socket: Socket) -> None:
        try:
            self._sessions.touch(socket.connection, time.time())
        finally:
            self.loop.call_soon_threadsafe(socket.answered, None)
