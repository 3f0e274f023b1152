"""Sends everybody away before the process ends, and loses nothing by it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.log import logger

if TYPE_CHECKING:
    from pods.sockets.metrics import SocketMetrics
    from pods.sockets.socket import Hub, Socket

#: Between asking a client to reconnect and closing its connection.
NOTICE_SECONDS = 1.0
#: What a client is told then.
RECONNECT = b'{"type":"reconnect"}'
#: Left of the grace period for what comes after the last socket.
MARGIN_SECONDS = 5.0

_TICK = 0.05


@dataclass(frozen=True)
class Drained:
    """How many sockets were closed with 1001, and how many had to be cut when the time was over."""

    closed: int
    cut: int


class Drain:
    """Runs once, however often it is asked for."""

    def __init__(self, metrics: SocketMetrics) -> None:
        self._metrics = metrics
        self.asked = asyncio.Event()

    def ask(self) -> None:
        """Begin; on the event loop."""
        metrics = self._metrics
        if not metrics.draining:
            metrics.draining = True
            metrics.drains += 1
            self.asked.set()

    async def run(self, hub: Hub) -> Drained:
        """Close everybody: asked at a random moment of the window, closed a second later; cut when time is over."""
        limits = hub.limits
        began = hub.loop.time()
        window = max(0.0, limits.drain_seconds - NOTICE_SECONDS)
        over = began + max(limits.grace_seconds - MARGIN_SECONDS, limits.grace_seconds / 2)
        there = len(hub.sockets)
        asking = sorted(((random.uniform(0, window), socket) for socket in hub.sockets.values()), key=_moment)
        closing: list[tuple[float, Socket]] = []
        asked = closed = 0
        while hub.sockets and hub.loop.time() < over:
            now = hub.loop.time() - began
            while asked < len(asking) and asking[asked][0] <= now:
                asking[asked][1].send(RECONNECT)
                closing.append((now + min(NOTICE_SECONDS, limits.drain_seconds), asking[asked][1]))
                asked += 1
            while closed < len(closing) and closing[closed][0] <= now:
                closing[closed][1].leave()
                closed += 1
            await asyncio.sleep(_TICK)
        cut = list(hub.sockets.values())
        for socket in cut:
            socket.abort("cut")
        # Their sessions are let go of as long as there is time: who comes back may resume before that, too.
        last = (over + began + limits.grace_seconds) / 2
        while (hub.sockets or hub.threads.working) and hub.loop.time() < last:  # noqa: ASYNC110 - and time passes
            await asyncio.sleep(_TICK)
        drained = Drained(there - len(cut), len(cut))
        logger.info("drained", closed=drained.closed, cut=drained.cut, seconds=round(hub.loop.time() - began, 1))
        return drained


def _moment(planned: tuple[float, Socket]) -> float:
    return planned[0]
