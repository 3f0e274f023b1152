"""A container's process, and commands that run beside it."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcloud.child import Child
from localcloud.pods import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localcloud.clock import Clock
    from localcloud.pods.model import PodSpec

_LAST_LINES = 3


@dataclass(slots=True)
class Host:
    """What every container gets from this machine: `surroundings` are variables such as the endpoint of AWS,
    `gateways` map the hosts of APIs to local addresses, `services` those of Services to pods' addresses; `accounts` are
    variables of pods that may ask the cluster, by namespace. `report(label, line)` takes what is printed."""

    clock: Clock
    report: Callable[[str, str], None]
    surroundings: Mapping[str, str] = field(default_factory=dict)
    gateways: Mapping[str, str] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, dict[str, str]] = field(default_factory=dict)


class Container(Child):
    """One run of a command in a pod's surroundings."""

    def __init__(self, report: Callable[[str], None], *, quiet: bool = False) -> None:
        """`quiet`: what it printed last is told only when it has ended by itself."""
        super().__init__()
        self.how = ""
        self._report = report
        self._unsaid: deque[str] | None = deque(maxlen=_LAST_LINES) if quiet else None

    def printed(self, line: str) -> None:
        if self._unsaid is not None:
            self._unsaid.append(line)
        else:
            self._report(line)

    def ended(self, how: str) -> None:
        self.how = how
        for line in self._unsaid or () if how != "exit status 0" else ():
            self._report(line)

    async def run(
        self, host: Host, spec: PodSpec, facts: Mapping[str, str], command: tuple[str, ...], *, by_exec: bool = False
    ) -> None:
        """Start a command, which follows `python` or the pod's program; `facts` are fields of the pod by their path."""
        variables = environment.reach(environment.resolve(spec.environment, facts), host.services, facts)
        if spec.asks_cluster:
            variables |= host.accounts.get(facts["metadata.namespace"], {})
        config = {
            "exec": by_exec,
            **({"program": spec.program} if spec.program and not by_exec else {}),
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
                self._unsaid = deque(maxlen=0)  # it ends because we want it to
                self.kill_group()
                await self.exited
