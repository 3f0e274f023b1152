"""The sending processes of one round: starts them, lets them begin together, and adds up what they measured."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from compare.errors import CompareError
from compare.load.measures import Measures
from compare.load.scenario import Scenario
from compare.load.schedule import turns
from compare.load.sender import Orders

_CONNECTIONS = 5000  # of one process, with sessions; more would make its looks at what is due slow
_RATE = 8000  # turns a second of one process: half of what a core does
_SPARE = 64  # descriptors that a process needs beside its sockets
_LEAD = 0.2  # seconds in which all get ready to begin
_LINE = 64 * 1024 * 1024  # a result with its histograms
_END = 10  # seconds after which a process that does not end is killed


class SenderError(CompareError):
    """A sending process ended without a result: a defect of ours, or the machine is out of memory."""

    status = 1


@dataclass(slots=True)
class Sent:
    """What the processes of a round did: what they measured, and for each its CPU seconds and the seconds it took."""

    measures: Measures = field(default_factory=Measures)
    cpu: list[tuple[float, float]] = field(default_factory=list)


def processes(scenario: Scenario) -> int:
    """How many processes a load needs here. Raises CompareError when the machine cannot hold so many sockets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    each = min(_CONNECTIONS, most - _SPARE) if most != resource.RLIM_INFINITY else _CONNECTIONS
    if each < 1:
        raise CompareError(f"a process may open {most} descriptors only; raise the limit with ulimit -n")
    peak = max(max(start, end) for _, start, end in scenario.segments)
    cores = os.cpu_count() or 1
    return max(-(-scenario.connections // each), min(cores, -(-round(peak) // _RATE)), 1)


def shares(scenario: Scenario, count: int) -> list[int]:
    """The connections of each process."""
    wanted = scenario.connections
    if scenario.kind == "storm":
        wanted = min(wanted, sum(1 for _ in turns(scenario.segments)))
    return [wanted // count + (index < wanted % count) for index in range(count)]


class Senders:
    """The processes of a round, connected and ready to begin."""

    def __init__(self, running: list[_Process]) -> None:
        self._running = running

    @classmethod
    @asynccontextmanager
    async def start(cls, url: str, scenario: Scenario, name: str, count: int) -> AsyncIterator[Senders]:
        """`count` processes that connect to a URL; `name` is of this round alone. On leaving, none is left."""
        running: list[_Process] = []
        try:
            for index, connections in enumerate(shares(scenario, count)):
                orders = Orders(url, scenario, f"{name}-{index}", index, count, connections)
                running.append(await _Process.start(orders))
            yield cls(running)
        finally:
            await asyncio.gather(*(one.end() for one in running))

    async def connected(self, tell: Callable[[dict[str, int]], None]) -> tuple[int, dict[str, int]]:
        """When all have connected: how many are ready, and the errors that they met. Raises SenderError."""
        answers = await asyncio.gather(*(one.until("ready", lambda: self._told(tell)) for one in self._running))
        errors: dict[str, int] = {}
        for answer in answers:
            for kind, times in answer["errors"].items():
                errors[kind] = errors.get(kind, 0) + times
        return sum(answer["ready"] for answer in answers), errors

    async def send(self, tell: Callable[[dict[str, int]], None]) -> Sent:
        """Begin together; what came of it. Raises SenderError."""
        start = time.monotonic() + _LEAD
        for one in self._running:
            one.write(f"go {start}\n")
        return self._added(
            await asyncio.gather(*(one.until("result", lambda: self._told(tell)) for one in self._running))
        )

    async def stopped(self) -> Sent:
        """Stop at once; what came of it until then. Raises SenderError."""
        for one in self._running:
            one.stop()
        return self._added(await asyncio.gather(*(one.until("result", lambda: None) for one in self._running)))

    def _added(self, results: list[dict[str, Any]]) -> Sent:
        sent = Sent()
        for answer in results:
            sent.measures.add(Measures.decoded(answer["result"]["measures"]))
            sent.cpu.append((answer["result"]["cpu"], answer["result"]["seconds"]))
        return sent

    def _told(self, tell: Callable[[dict[str, int]], None]) -> None:
        total: dict[str, int] = {}
        for one in self._running:
            for name, value in one.progress.items():
                total[name] = total.get(name, 0) + value
        tell(total)


class _Process:
    """One of them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._done = False
        self.progress: dict[str, int] = {}

    @classmethod
    async def start(cls, orders: Orders) -> _Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "compare.load.sender"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
            start_new_session=True,  # Ctrl-C in the terminal is for us alone; this ends when its stdin does
        )
        started = cls(process)
        started.write(msgspec.json.encode(orders).decode() + "\n")
        return started

    def write(self, text: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(text.encode())

    def stop(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.close()

    async def until(self, kind: str, told: Callable[[], None]) -> dict[str, Any]:
        """The first line of a kind."""
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        while line := await self._process.stdout.readline():
            document: dict[str, Any] = msgspec.json.decode(line)
            if "progress" in document:
                self.progress = document["progress"]
                told()
            self._done = "result" in document
            if kind in document:
                return document
        status = await self._process.wait()
        raise SenderError(f"a sending process ended with status {status}; what it says is above")

    async def end(self) -> None:
        """Without its result, it has nothing left to say."""
        self.stop()
        if not self._done and self._process.returncode is None:
            self._process.kill()
        try:
            async with asyncio.timeout(_END):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
