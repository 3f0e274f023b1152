"""Pods that hold sockets while nobody says how many there have to be: their Prometheus is killed."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil

from localcloud.testing import Running, children, running
from tests.e2e.fleets import connected
from tests.faults.harness import PAUSE, Run
from tests.faults.rows import Row
from tests.processes import PATIENCE
from tests.synthesized import synthesized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from client import Client
    from tests.faults.harness import Listener

OUTAGE = Row("socket pods: Prometheus is away", (), ("lose_prometheus",))

#: The clients of a run are for three pods, of which no number at all would leave two.
PODS = 3
_SCALE = 20
_WINDOW, _PERIOD, _MORE = 300, 120, 60  # seconds of the cloud's clock after which an autoscaler takes a pod away
_SIZES = {
    "sockets_min_replicas": PODS - 1,
    "sockets_max_replicas": PODS,
    "sockets_capacity": 20,
    "sockets_per_replica": 4,
    "sockets_prestop_seconds": 0,
    "sockets_drain_seconds": 1,
    "sockets_window_seconds": _WINDOW,
    "message_rate": 0,
    "history_messages": 1000,
}


@contextmanager
def scaled(folder: Path) -> Iterator[Running]:
    """The variant as it is deployed, with its Prometheus; `folder` takes what belongs to it."""
    assembly = synthesized(folder, backends="sockets", **_SIZES)
    options = ("--assembly", str(assembly), "--backends", "sockets", "--time-scale", str(_SCALE))
    with running(folder, *options) as cloud:
        connected(folder, PODS - 1)
        yield cloud


class OutageRun(Run):
    """Everybody talks until an autoscaler that took silence for zero would have taken a pod away."""

    def __init__(self, cloud: Running, folder: Path, seed: int, messages: int, progress: Callable[[str], None]) -> None:
        super().__init__(cloud, OUTAGE, seed, messages, progress)
        self._ready_file = folder / "ready.json"
        self._numbers = itertools.count(messages)
        self._over = False

    async def _talk(self, sender: Client, listeners: list[Listener], names: Any) -> None:
        await super()._talk(sender, listeners, names)
        while not self._over:
            await asyncio.sleep(PAUSE)
            await super()._talk(sender, listeners, [next(self._numbers)])

    async def _lose_prometheus(self, _listeners: list[Listener]) -> None:
        try:
            end = time.monotonic() + PATIENCE
            while (fleet := self._fleet())["wanted"] != PODS or len(_ready(fleet)) != PODS:
                assert time.monotonic() < end, fleet
                await asyncio.sleep(0.1)
            (server,) = (pid for pid in children(self._cloud.process.pid) if psutil.Process(pid).name() == "prometheus")
            os.kill(server, signal.SIGKILL)
            self.fired += 1
            end = time.monotonic() + (_WINDOW + _PERIOD + _MORE) / _SCALE
            while time.monotonic() < end or len(self.ledger.acknowledged) < self._messages:
                assert (now := self._fleet())["wanted"] == PODS, now
                await asyncio.sleep(0.1)
            assert _ready(self._fleet()) == _ready(fleet)
        finally:
            self._over = True

    def _fleet(self) -> dict[str, Any]:
        """The variant's own: those of its bus and its controller come after it."""
        return dict(json.loads(self._ready_file.read_text())["fleets"][0])


def _ready(fleet: dict[str, Any]) -> set[str]:
    return {pod["name"] for pod in fleet["pods"] if pod["ready"]}
