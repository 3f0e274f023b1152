"""One sending process: `python -m compare.load.sender`, started by `compare.load.senders`.

Its first line of input says what to do, the next when to begin (`go TIME` of the monotonic clock, which all processes
of a machine share); the end of its input stops it. It prints JSON lines: `progress`, `ready`, at last `result`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import uvloop

from compare.load.links import HANDSHAKE_SECONDS, Link
from compare.load.members import Group
from compare.load.scenario import Scenario
from compare.load.schedule import turns

_LOOK = 0.05  # seconds between two looks at what others have done
_TICK = 0.4  # seconds between two looks at what is due of a connection itself
_ROUNDING = 0.0005  # uvloop's timers count milliseconds: what is due within half of one is due now
_UNLOOKED = 64  # turns without a look at what has come in the meantime
_PROGRESS = 0.5


@dataclass(frozen=True, slots=True)
class Orders:
    """What one process does: every `of`-th turn, from number `index`, over so many connections."""

    url: str
    scenario: Scenario
    name: str
    index: int
    of: int
    connections: int


class Sender:
    """The process's work, in its phases."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.group = Group(orders.scenario, orders.name)
        self._links = [Link(orders.url, self.group) for _ in range(orders.connections)]
        self._tasks: list[asyncio.Task[None]] = []
        self._cpu = self._began = self._busy = 0.0

    async def connect(self) -> None:
        """Connect all, at the scenario's rate, and wait until each is ready or was refused."""
        scenario, orders = self.orders.scenario, self.orders
        begin = time.monotonic()
        for count, link in enumerate(self._links):
            due = begin + (count * orders.of + orders.index) / scenario.connect_rate
            self._tasks.append(asyncio.create_task(link.keep(due)))
        arrived = begin + len(self._links) * orders.of / scenario.connect_rate
        await _until(lambda: all(one.tried for one in self._links), arrived + HANDSHAKE_SECONDS)
        # Refused is refused; with a connection, the session is waited for.
        await _until(
            lambda: all(one.member.ready or not one.connected for one in self._links),
            time.monotonic() + scenario.patience,
        )

    async def storm(self, begin: float) -> None:
        """Nothing but connects, when they are due."""
        orders = self.orders
        times = turns(orders.scenario.segments, orders.index, orders.of)
        for link, due in zip(self._links, times, strict=False):
            self._tasks.append(asyncio.create_task(link.keep(begin + due)))
        await asyncio.sleep(begin + orders.scenario.duration - time.monotonic())
        links = self._links[: len(self._tasks)]
        await _until(lambda: all(link.tried for link in links), time.monotonic() + orders.scenario.patience)

    async def send(self, begin: float) -> None:
        """Take each turn when it is due, whatever has become of those before."""
        orders, scenario = self.orders, self.orders.scenario
        actions, weights = list(scenario.actions), list(scenario.actions.values())
        chance = random.Random(orders.name)
        lag = self.group.measures.lag
        unlooked = 0
        for count, after in enumerate(turns(scenario.segments, orders.index, orders.of)):
            due = begin + after
            now = time.monotonic()
            if now < due - _ROUNDING:
                await asyncio.sleep(due - now - _ROUNDING)
                unlooked = 0
                now = time.monotonic()
            elif (unlooked := unlooked + 1) >= _UNLOOKED:
                await asyncio.sleep(0)  # behind time: let answers in all the same
                unlooked = 0
            lag.record_value(max(1, round((now - due) * 1e6)))
            action = actions[0] if len(actions) == 1 else chance.choices(actions, weights)[0]
            place = count % len(self._links)
            self._links[place].turn(action, due)
            self._links[place].flush()
            if action == "reconnect":  # which makes its neighbour write to it
                self._links[(place + 1) % len(self._links)].flush()
        await asyncio.sleep(max(0.0, begin + scenario.duration - time.monotonic()))
        await _until(lambda: not self.group.under_way, time.monotonic() + scenario.patience)

    async def tick(self) -> None:
        """Keep what is due of itself going."""
        if not self.orders.scenario.needs_session:
            return
        parts = 16  # so that no look at all of them delays what is due
        while True:
            for part in range(parts):
                now = time.monotonic()
                for link in self._links[part::parts]:
                    link.tick(now)
                await asyncio.sleep(_TICK / parts)

    def begin(self) -> None:
        """The load begins: what was used until now is not counted."""
        self._cpu, self._began = time.process_time(), time.monotonic()
        self.group.measures.counts["open at begin"] = self.open

    def end(self) -> None:
        """The load is over."""
        self._busy = time.process_time() - self._cpu
        self.group.measures.counts["open at end"] = self.open

    @property
    def open(self) -> int:
        """Connections that are there."""
        return sum(link.connected for link in self._links)

    @property
    def ready(self) -> int:
        """Members that can be sent from: connected and, where the scenario needs one, with a session."""
        return sum(link.member.ready for link in self._links)

    async def close(self) -> None:
        """Close what is open."""
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in self._links:
            link.close()
        await asyncio.sleep(_LOOK)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome  # a defect: what its member waited for would count as lost by the server

    def result(self) -> dict[str, Any]:
        """What was measured."""
        self.group.finish()
        seconds = time.monotonic() - self._began if self._began else 0.0
        return {"measures": self.group.measures.encoded(), "cpu": self._busy, "seconds": seconds}


async def _until(done: Callable[[], bool], end: float) -> None:
    """A look now and then costs nothing beside what it waits for, an event at each change would."""
    while time.monotonic() < end and not done():  # noqa: ASYNC110
        await asyncio.sleep(_LOOK)


async def _run() -> None:
    reader = asyncio.StreamReader(limit=1024 * 1024)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    sender = Sender(msgspec.json.decode(await reader.readline(), type=Orders))
    begin: asyncio.Future[float] = loop.create_future()
    work = asyncio.create_task(_phases(sender, begin))
    asides = [asyncio.create_task(sender.tick()), asyncio.create_task(_progress(sender))]
    listening = asyncio.create_task(_listen(reader, begin))
    await asyncio.wait({work, listening}, return_when=asyncio.FIRST_COMPLETED)
    for task in (work, listening, *asides):
        task.cancel()
    outcomes = await asyncio.gather(work, listening, *asides, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    sender.end()
    await sender.close()
    _say({"result": sender.result()})


async def _phases(sender: Sender, begin: asyncio.Future[float]) -> None:
    storm = sender.orders.scenario.kind == "storm"
    if not storm:
        await sender.connect()
    _say({"ready": sender.ready, "errors": sender.group.measures.errors})
    start = await begin
    await asyncio.sleep(max(0.0, start - time.monotonic()))
    sender.begin()
    await (sender.storm(start) if storm else sender.send(start))


async def _listen(reader: asyncio.StreamReader, begin: asyncio.Future[float]) -> None:
    """Until the end of the input."""
    while line := await reader.readline():
        if line.startswith(b"go ") and not begin.done():
            begin.set_result(float(line[3:]))


async def _progress(sender: Sender) -> None:
    while True:
        counts = sender.group.measures.counts
        _say({"progress": {"open": sender.open, "turns": counts["turns"], "connects": counts["connects"]}})
        await asyncio.sleep(_PROGRESS)


def _say(document: dict[str, Any]) -> None:
    os.write(1, msgspec.json.encode(document) + b"\n")


def main() -> None:
    """Run it. Ctrl-C is for the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(_run())


if __name__ == "__main__":
    main()
