"""After a scale-out: the fullest pods ask some of their clients to reconnect, so that new pods get their share.

A socket stays where it is, so new pods take new clients alone, and idle ones stay empty for hours. Every pod tells the
others over the bus how many sockets it has; one that has far more than their mean sends some away, slowly.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from pods.sockets.drain import NOTICE_SECONDS, RECONNECT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pods.sockets.socket import Hub, Socket

#: After so many silent rounds a pod is forgotten.
_FORGOTTEN_ROUNDS = 3


def surplus(own: int, others: Collection[int], percent: int, *, going_on: bool) -> int:
    """How many sockets a pod has too many: none up to `percent` above the mean.

    Once it has begun it goes on to half of that, so that a single socket does not start it again.
    """
    pods, all_sockets = 1 + len(others), own + sum(others)
    half, whole = all_sockets * (200 + percent), all_sockets * (200 + 2 * percent)  # in 200ths, times the pods
    if not others or own * pods * 200 <= (half if going_on else whole):
        return 0
    return (own * pods * 200 - half) // (pods * 200)


class Rebalance:
    """One pod's part."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._others: dict[str, tuple[int, float]] = {}
        self._asked: set[Socket] = set()
        self._going_on = False

    def heard(self, pod: str, sockets: int) -> None:
        """Another pod has so many; on the event loop."""
        if pod != self._hub.sockets.pod:
            self._others[pod] = sockets, self._hub.loop.time()

    async def run(self, tell: Callable[[int], object]) -> None:
        """Tell the other pods how many sockets this one has, and look, until it drains: then they forget it."""
        hub = self._hub
        seconds = hub.limits.rebalance_seconds
        while not hub.metrics.draining:
            await asyncio.sleep(seconds * random.uniform(0.9, 1.1))
            tell(hub.metrics.active)
            oldest = hub.loop.time() - _FORGOTTEN_ROUNDS * seconds
            self._others = {pod: said for pod, said in self._others.items() if said[1] > oldest}
            for socket in self._chosen([sockets for sockets, _ in self._others.values()]):
                self._asked.add(socket)
                hub.loop.call_later(random.uniform(0, seconds), self._ask, socket)

    def _chosen(self, others: Collection[int]) -> list[Socket]:
        """Whom to send away in this round: what is too many, but no more than may go in its time."""
        limits = self._hub.limits
        self._asked = {socket for socket in self._asked if not socket.ended}
        own = self._hub.metrics.active - len(self._asked)
        many = surplus(own, others, limits.rebalance_percent, going_on=self._going_on)
        self._going_on = many > 0
        many = min(many, limits.rebalance_rate * limits.rebalance_seconds)
        if not many:
            return []
        free = [one for one in self._hub.sockets.values() if not (one.closing or one.leaving or one in self._asked)]
        return random.sample(free, min(many, len(free)))

    def _ask(self, socket: Socket) -> None:
        """As a drain does."""
        if not self._hub.metrics.draining:
            socket.send(RECONNECT)
            self._hub.loop.call_later(NOTICE_SECONDS, socket.leave, "rebalanced")
