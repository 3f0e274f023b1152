"""A container's process, and commands that run beside it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.child import Child
from local.pods import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.clock import Clock
    from local.pods.model import PodSpec


@dataclass(slots=True)
class Host:
    """What every container gets from this machine: `surroundings` are variables such as the endpoint of AWS,
    `gateways` map the hosts of APIs to local addresses, `report(label, line)` takes what is printed."""

    clock: Clock
    report: Callable[[str, str], None]
    surroundings: Mapping[str, str] = field(default_factory=dict)
    gateways: Mapping[str, str] = field(default_factory=dict)


class Container(Child):
    """One run of a command in a pod's surroundings."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__()
        self.how = ""
        self._report = report

    def printed(self, line: str) -> None:
        self._report(line)

    def ended(self, how: str) -> None:
        self.how = how

    async def run(self, host: Host, spec: PodSpec, facts: Mapping[str, str], command: tuple[str, ...]) -> None:
        """Start what follows `python`; `facts` are fields of the pod by their path."""
        variables = environment.resolve(spec.environment, facts)
        config = {
            "path": [str(folder) for folder in (spec.folder, *spec.path)],
            "gateways": dict(host.gateways),
            "clock": [host.clock.started, host.clock.scale],
            "folder": str(spec.folder),
            "command": environment.inside(command, facts["status.podIP"], variables),
        }
        fixed = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
        starting = asyncio.ensure_future(self.spawn({**fixed, **host.surroundings, **variables}, config))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:  # half started, nobody would end it
            with suppress(OSError):
                await starting
                self.kill_group()
                await self.exited
            raise

    async def stop(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL when that has not ended it within so many real seconds."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self.exited)
        except TimeoutError:
            if self.running:
                self._report("still running at the end of its grace period: killed")
                self.kill_group()

    async def gone(self) -> None:
        """Wait for its end; when whoever waits is cancelled, it is ended at once."""
        try:
            await asyncio.shield(self.exited)
        finally:
            if self.running:
                self.kill_group()
                await self.exited
