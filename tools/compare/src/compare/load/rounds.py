"""The rounds of a run: each target in turn, again and again, so that what changes on the way meets them all alike."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from compare.errors import CompareError
from compare.load import cloudwatch, servers
from compare.load.scenario import Scenario
from compare.load.senders import Senders, Sent
from compare.load.targets import Target

_SILENT = "no session came: only echo, idle and storm do without the protocol of docs/client.md"
_REST = 0.5  # seconds between two rounds, in which the server lets go of the connections of the last


@dataclass(slots=True)
class Round:
    """One target, once. Samples: before and after the connects, before and after the load."""

    target: Target
    number: int
    began: float
    sent: Sent = field(default_factory=Sent)
    samples: list[servers.Sample] = field(default_factory=list)
    ended: float = 0.0
    whole: bool = False
    kills: int | None = None  # of the server's processes, where the scenario asks for it
    units: dict[str, float] | None = None  # of DynamoDB, by `read` and `write`, where a local cloud counts them


class RoundError(CompareError):
    """A round in which nothing could be measured."""

    status = 1


class Rounds:
    """Runs them, and keeps what has been measured even when it is cut short."""

    def __init__(self, scenario: Scenario, targets: list[Target], count: int, processes: int) -> None:
        """`count` rounds of each target, by so many sending processes."""
        self._scenario, self._targets, self._count = scenario, targets, count
        self._processes = processes
        self._run = secrets.token_hex(4)
        self.done: list[Round] = []

    async def run(self, tell: Callable[[Round, str, dict[str, int]], None]) -> None:
        """All rounds. Cancelled, it keeps the round that was under way as far as it got. Raises RoundError."""
        for number in range(self._count):
            # Every other round goes the other way, so that none is always the first.
            for target in self._targets if number % 2 == 0 else self._targets[::-1]:
                if self.done:
                    await asyncio.sleep(_REST)
                await self._round(Round(target, number, time.time()), tell)

    async def _round(self, now: Round, tell: Callable[[Round, str, dict[str, int]], None]) -> None:
        name = f"{self._run}-{now.number}-{now.target.name}"
        now.samples += _sampled(now.target)
        async with Senders.start(now.target.url, self._scenario, name, self._processes) as senders:
            try:
                ready, errors = await senders.connected(lambda told: tell(now, "connecting", told))
                if not ready and self._scenario.kind != "storm":
                    why = max(errors, key=lambda kind: errors[kind]) if errors else _SILENT
                    raise RoundError(f"target {now.target.name}: no connection became ready: {why}")
                now.samples += _sampled(now.target)
                before = await self._consumed(now)
                now.samples += _sampled(now.target)
                async with self._killing(now):
                    now.sent = await senders.send(lambda told: tell(now, "sending", told))
                now.whole = True
                now.samples += _sampled(now.target)
                # Before the connections are closed, which costs units of its own.
                if before is not None and (after := await self._consumed(now)) is not None:
                    now.units = {kind: after[kind] - before[kind] for kind in before}
            except asyncio.CancelledError:
                if not now.whole:
                    now.sent = await senders.stopped()
                raise
            finally:
                if not now.whole:
                    now.samples += _sampled(now.target)
                now.ended = time.time()
                if now.sent.cpu:
                    self.done.append(now)

    async def _consumed(self, now: Round) -> dict[str, float] | None:
        return await cloudwatch.consumed(now.target, now.began) if now.target.aws is not None else None

    @asynccontextmanager
    async def _killing(self, now: Round) -> AsyncIterator[None]:
        """Kill a process of the server every `kill_seconds`, for as long as the load lasts."""
        if not self._scenario.kill_seconds or now.target.pid is None:
            yield
            return
        now.kills = 0
        task = asyncio.create_task(self._kill(now, servers.Killer(now.target.pid)))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _kill(self, now: Round, killer: servers.Killer) -> None:
        # Not in the patience at the end: what is lost then might have come.
        for _ in range(int(self._scenario.duration / self._scenario.kill_seconds)):
            await asyncio.sleep(self._scenario.kill_seconds)
            now.kills = (now.kills or 0) + await asyncio.to_thread(killer.kill)


def _sampled(target: Target) -> list[servers.Sample]:
    found = servers.sample(target.pid) if target.pid is not None else None
    return [found] if found is not None else []
