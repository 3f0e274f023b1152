"""What happens to a fleet of pods that hold sockets, and the rows of the table for it."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.e2e.socket_pods.fleet import REDIS, Fleet, Pod
from tests.faults.harness import PAUSE, ROOMS, SENDERS, TIMES, Run
from tests.faults.rows import Row
from tests.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from client import Client
    from tests.faults.harness import Listener


@dataclass(frozen=True)
class PodRow(Row):
    """`pods` at the start, `few` of them in a short run; `cycles` is how often it happens in a long one."""

    pods: int = 3
    few: int = 2
    cycles: int = 1


POD_ROWS = (
    PodRow("socket pods: scale-in, 6 to 1", (), ("scale_in",), pods=6, few=3),
    PodRow("socket pods: SIGKILL of one of 3", (), ("sigkill",), cycles=5),
    PodRow("socket pods: rolling update of all 3", (), ("roll",), cycles=3),
    PodRow("socket pods: the bus restarts", (), ("restart_bus",), cycles=5),
    PodRow("socket pods: half-open clients", (), ("half_open",), cycles=20),
)

_HALF_OPEN = 2  # connections that go silent at once


def fleet_of(row: PodRow, *, short: bool = False) -> Fleet:
    """The pods of a row, on a real Redis where there is one."""
    options = {"message_rate": 0, "drain_seconds": 1, "grace_seconds": 30, "history_messages": 10_000}
    if row.measures == ("half_open",):
        options |= {"ping_seconds": 1, "idle_seconds": 3}
    return Fleet(row.few if short else row.pods, redis=REDIS is not None, **options)


class PodRun(Run):
    """A run whose measures are those of a fleet of pods. Everybody talks until the last of them has been taken."""

    def __init__(
        self, fleet: Fleet, row: PodRow, seed: int, messages: int, progress: Callable[[str], None], *, cycles: int = 1
    ) -> None:
        super().__init__(fleet, row, seed, messages, progress)
        self._fleet = fleet
        self._numbers = itertools.count(messages)
        self._cycles = cycles
        self._taken = False
        if row.measures == ("half_open",):  # who only listens has to ask now and then whether anybody is there
            self._times = replace(TIMES, keep_alive=2, dead=3)

    async def run(self) -> None:
        """All of it."""
        (name,) = self._row.measures
        measure = getattr(self, f"_{name}")

        async def take(listeners: list[Listener]) -> None:
            try:
                await measure(listeners)
            finally:
                self._taken = True

        setattr(self, f"_{name}", take)
        await super().run()

    async def _talk(self, sender: Client, listeners: list[Listener], names: Any) -> None:
        await super()._talk(sender, listeners, names)
        while not self._taken:
            await asyncio.sleep(PAUSE)
            await super()._talk(sender, listeners, [next(self._numbers)])

    async def _drain(self) -> None:
        """No socket is left over that no client has: they are let go of while the clients are still there."""
        await super()._drain()
        end = time.monotonic() + PATIENCE
        while (active := await asyncio.to_thread(self._fleet.active)) != ROOMS + SENDERS:
            assert time.monotonic() < end, f"{active} sockets of {ROOMS + SENDERS} clients"
            await asyncio.sleep(0.1)

    async def _until(self, cycle: int, share: float) -> None:
        """Wait until so much of a cycle's messages has been said."""
        while len(self.ledger.acknowledged) < (cycle + share) * self._messages / self._cycles:  # noqa: ASYNC110 - a ledger tells nobody
            await asyncio.sleep(0.01)

    async def _drained(self, pod: Pod) -> None:
        """Send a pod away; it has to end in peace, and to cut nobody."""
        self._fleet.remove(pod)
        pod.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(pod.process.wait, PATIENCE) == 0, "\n".join(pod.lines)
        await asyncio.to_thread(pod.stop)
        assert any('"cut":0' in line for line in pod.lines), "\n".join(pod.lines)
        self.fired += 1

    def _living(self) -> list[Pod]:
        pods = [pod for pod in self._fleet.pods if pod.process.poll() is None]
        self._random.shuffle(pods)
        return pods

    # --- measures ----------------------------------------------------------------------------------------------------

    async def _scale_in(self, _listeners: list[Listener]) -> None:
        """Drain all pods but one, one after another."""
        pods = self._living()[1:]
        for number, pod in enumerate(pods):
            await self._until(0, (number + 0.5) / len(pods))
            await self._drained(pod)

    async def _sigkill(self, _listeners: list[Listener]) -> None:
        """Kill a pod, and have another one started."""
        for cycle in range(self._cycles):
            await self._until(cycle, 0.3)
            pod = self._living()[0]
            self._fleet.remove(pod)
            pod.process.kill()
            self.fired += 1
            await asyncio.to_thread(self._fleet.add)

    async def _roll(self, _listeners: list[Listener]) -> None:
        """Replace every pod by a new one, which is ready before the old one drains."""
        for cycle in range(self._cycles):
            pods = self._living()
            for number, pod in enumerate(pods):
                await self._until(cycle, (number + 0.3) / len(pods))
                await asyncio.to_thread(self._fleet.add)
                await self._drained(pod)

    async def _restart_bus(self, _listeners: list[Listener]) -> None:
        """Kill the bus while everybody talks, and start it when they have gone on without it."""
        for cycle in range(self._cycles):
            await self._until(cycle, 0.2)
            self._fleet.stop_bus()
            self.fired += 1
            await self._until(cycle, 0.9)
            await asyncio.to_thread(self._fleet.start_bus)

    async def _half_open(self, _listeners: list[Listener]) -> None:
        """The way between some clients and their pods goes silent, and neither is told."""
        for cycle in range(self._cycles):
            await self._until(cycle, 0.4)
            self.fired += await asyncio.to_thread(self._fleet.balancer.silence, _HALF_OPEN, self._random)
