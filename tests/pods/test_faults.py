"""Ledgers while pods and their bus come and go: nothing acknowledged is lost, nothing is handed on twice."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
from typing import Any

import pytest

from client import Client
from tests.faults.harness import Listener, Run
from tests.faults.rows import Row
from tests.pods.fleet import REDIS, Fleet
from tests.processes import PATIENCE

pytestmark = pytest.mark.slow

MESSAGES = 60


class PodRun(Run):
    """A run whose measures are those of a fleet of pods."""

    def __init__(self, fleet: Fleet, row: Row) -> None:
        super().__init__(fleet, row, 1, MESSAGES, lambda _: None)
        self._fleet = fleet
        self._numbers = itertools.count()

    async def _talk(self, sender: Client, listeners: list[Listener], names: Any) -> None:
        """All the messages, and more until the measure has been taken."""
        await super()._talk(sender, listeners, names)
        while not self.fired:
            await super()._talk(sender, listeners, [MESSAGES + next(self._numbers)])

    async def _until(self, share: float) -> None:
        """Wait until so much has been said."""
        while len(self.ledger.acknowledged) < share * MESSAGES:  # noqa: ASYNC110 - a ledger tells nobody
            await asyncio.sleep(0.01)

    async def _scale_in(self, _listeners: list[Listener]) -> None:
        """Drain all pods but one, one after another."""
        for number, pod in enumerate(self._fleet.pods[1:]):
            await self._until(0.2 + 0.3 * number)
            self._fleet.remove(pod)
            pod.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(pod.process.wait, PATIENCE) == 0
        self.fired += 1

    async def _sigkill(self, _listeners: list[Listener]) -> None:
        """Kill a pod, and have another one started."""
        await self._until(0.3)
        pod = self._fleet.pods[0]
        self._fleet.remove(pod)
        pod.process.kill()
        await asyncio.to_thread(self._fleet.add)
        self.fired += 1

    async def _roll(self, _listeners: list[Listener]) -> None:
        """Replace every pod by a new one, which is ready before the old one drains."""
        for number, pod in enumerate(list(self._fleet.pods)):
            await self._until(0.1 + 0.3 * number)
            await asyncio.to_thread(self._fleet.add)
            self._fleet.remove(pod)
            pod.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(pod.process.wait, PATIENCE) == 0
        self.fired += 1

    async def _restart_bus(self, _listeners: list[Listener]) -> None:
        """Kill the bus while everybody talks, and start it when they have gone on without it."""
        await self._until(0.2)
        self._fleet.stop_bus()
        await self._until(0.9)
        await asyncio.to_thread(self._fleet.start_bus)
        self.fired += 1


@pytest.mark.parametrize(
    ("measure", "pods"),
    [("scale_in", 3), ("sigkill", 2), ("roll", 2), ("restart_bus", 2)],
    ids=str,
)
def test_nothing_is_lost_or_handed_on_twice(measure: str, pods: int) -> None:
    options = {"message_rate": 0, "drain_seconds": 1, "grace_seconds": 30, "history_messages": 10_000}
    with Fleet(pods, redis=REDIS is not None, **options) as fleet:
        random.shuffle(fleet.pods)
        run = PodRun(fleet, Row(f"{measure}", (), (measure,)))
        asyncio.run(run.run())
        for pod in fleet.pods:
            assert not any('"cut":' in line and '"cut":0' not in line for line in pod.lines), pod.lines
    assert len(run.ledger.acknowledged) == len(run.ledger.sent) >= MESSAGES
    assert run.ledger.lost == set()
    assert run.ledger.repeated == 0
    assert run.fired > 0
