"""What a pod does with its sockets by the clock. Each function runs until it is cancelled."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pods.sockets.socket import Hub, Socket

# Everybody asks for a session and its rooms: so long it takes, or so many do in a second.
_CATCH_UP_SECONDS, _CATCH_UP_RATE = 2.0, 500


async def tell_who_missed(hub: Hub, missed: asyncio.Event) -> None:
    """Tell everybody, each time `missed` is set, that hints may have been lost: clients ask for what they lack."""
    while True:
        await missed.wait()
        missed.clear()
        for sockets in hub.sockets.slices(max(_CATCH_UP_SECONDS, len(hub.sockets) / _CATCH_UP_RATE)):
            for socket in sockets:
                socket.send(b'{"type":"catch-up"}')
            await asyncio.sleep(0.1)


async def watch(hub: Hub) -> None:
    """Ping the silent, cut the dead, send away the old, keep the sessions of the others."""
    while True:
        await asyncio.sleep(min(5.0, hub.limits.ping_seconds / 4))
        for start, sockets in enumerate(hub.sockets.slices(1.0)):
            if start:
                await asyncio.sleep(0)
            for socket in sockets:
                _check(hub, socket, hub.loop.time(), time.time())


def _check(hub: Hub, socket: Socket, now: float, wall: float) -> None:
    if socket.heard:
        socket.heard = socket.pinged = False
        socket.seen = now
    silent = now - socket.seen
    if silent >= hub.limits.idle_seconds:
        socket.abort("idle")
    elif wall - socket.connection.connected_at >= hub.limits.max_age_seconds:
        socket.leave()
    elif silent >= hub.limits.ping_seconds:
        if not socket.pinged:
            socket.ping()
    elif not socket.busy and not socket.closing and hub.sessions.touch_is_due(socket.connection, wall):
        socket.keep_session()


async def measure(hub: Hub) -> None:
    """Keep the metrics that have to be looked for."""
    lags = [0.0] * 20
    turn = 0
    while True:
        before = hub.loop.time()
        await asyncio.sleep(0.5)
        lags[turn % len(lags)] = max(0.0, hub.loop.time() - before - 0.5)
        turn += 1
        hub.metrics.lag_seconds = max(lags)
        if turn % 4 == 0:
            hub.metrics.unsent_bytes = sum(socket.unsent for socket in hub.sockets.values())
