"""One run: clients that talk while something fails, and a ledger of it."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import psutil

from client import Client, ClosedError, Lost, Message, RefusedError, Result, TakenOverError
from client.core import Times
from client.events import Resumed
from tests.faults.ledger import Ledger

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping

    from tests.faults.rows import Row

# Shorter than a person's client would have them, since the faults here are many.
TIMES = Times(retry=3, answer=120, dead=8, gap=0.3, first_wait=0.1, longest_wait=2)
ROOMS = 4
SENDERS = 8
DRAIN = 120.0  # seconds that the next of the last messages may take
PAUSE = 0.1  # seconds between two messages of one that only talks on until something has happened


class Cloud(Protocol):
    """What runs: a local cloud, or another variant that a run's measures know."""

    @property
    def url(self) -> str: ...

    @property
    def aws(self) -> str: ...

    @property
    def ready(self) -> Mapping[str, Any]: ...

    @property
    def process(self) -> subprocess.Popen[str]: ...


class Listener:
    """A session that receives. Its client may change; frames are counted as they come, before a client's filter.

    While two clients race for the session, `settled` is not set: who loses may have another session for a moment.
    """

    def __init__(self, url: str, ledger: Ledger, times: Times = TIMES) -> None:
        self._url = url
        self._ledger = ledger
        self._times = times
        self._tasks: list[asyncio.Task[None]] = []
        self.session_id = ""
        self.settled = asyncio.Event()
        self.client = self._new()

    def _new(self) -> Client:
        client = Client(self._url, times=self._times)
        received = client._core.received

        def count_and_receive(text: str, now: float) -> Any:
            frame = json.loads(text)
            if frame.get("type") in {"message", "result"}:
                self._ledger.frames[id(client), frame.get("room"), frame["epoch"], frame["seq"]] += 1
            known = client.session_id
            events = received(text, now)
            for event in events:
                if isinstance(event, Lost) or (isinstance(event, Resumed) and event.fresh and known):
                    self._ledger.told.append(f"{known}: {event}")
            return events

        client._core.received = count_and_receive  # type: ignore[method-assign]
        return client

    async def start(self) -> None:
        """Connect, and note what is handed on until the end."""
        await self.client.__aenter__()
        self.session_id = self.client.session_id
        self.settled.set()
        self._tasks.append(asyncio.create_task(self._listen(self.client)))

    async def stop(self) -> None:
        """Disconnect."""
        await self.client.__aexit__(None, None, None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, client: Client) -> None:
        with contextlib.suppress(TakenOverError):
            async for event in client:
                if isinstance(event, Message):
                    self._ledger.heard[id(client), event.data["name"]] += 1
                elif isinstance(event, Result):
                    self._ledger.heard[id(client), f"work {event.id}"] += 1

    async def race(self, head_start: float) -> None:
        """A second client, which knows what the first one does, resumes the session at the moment the first one does.

        One of them has it in the end, and is the listener from then on.
        """
        self.settled.clear()
        first, second = self.client, self._new()
        core, twin = first._core, second._core
        twin._tokens, twin.session_id = [*core._tokens], core.session_id
        twin._inbox, twin._rooms = copy.deepcopy(core._inbox), copy.deepcopy(core._rooms)
        second._running = asyncio.create_task(second._run())
        await asyncio.sleep(head_start)
        if first._socket is not None:
            first._socket.transport.abort()
        end = time.monotonic() + DRAIN
        while [_holds(one, self.session_id) for one in (first, second)] not in ([True, False], [False, True]):
            assert time.monotonic() < end, "nobody has the session, or both do"
            await asyncio.sleep(0.05)
        self.client, loser = (first, second) if _holds(first, self.session_id) else (second, first)
        await loser.__aexit__(None, None, None)
        if self.client is second:
            self._tasks.append(asyncio.create_task(self._listen(second)))
        self.settled.set()


def _holds(client: Client, session_id: str) -> bool | None:
    """Whether this client has the session; None while that is open."""
    core = client._core
    if core.over:
        return False
    return core.session_id == session_id if core._ready else None


class Run:
    """One row, one seed."""

    def __init__(self, cloud: Cloud, row: Row, seed: int, messages: int, progress: Callable[[str], None]) -> None:
        self._cloud = cloud
        self._row = row
        self._random = random.Random(seed)
        self._messages = messages
        self._progress = progress
        self._prefix = f"{row.name}/{seed}"
        self._times = TIMES
        self.ledger = Ledger()
        self.fired = 0
        self._padding = "x" * (4000 if "stall" in row.measures else 40)

    async def run(self) -> None:
        """All of it."""
        listeners = [Listener(self._cloud.url, self.ledger, self._times) for _ in range(ROOMS)]
        async with contextlib.AsyncExitStack() as stack:
            for number, listener in enumerate(listeners):
                await listener.start()
                stack.push_async_callback(listener.stop)
                await listener.client.join(self._room(number))
            senders = [
                await stack.enter_async_context(Client(self._cloud.url, times=self._times)) for _ in range(SENDERS)
            ]
            measures = [asyncio.create_task(getattr(self, f"_{name}")(listeners)) for name in self._row.measures]
            numbers = iter(range(self._messages))
            talking = [asyncio.create_task(self._talk(sender, listeners, numbers)) for sender in senders * 3]
            while any(not task.done() for task in talking):
                await asyncio.wait(talking, timeout=1)
                self._progress(f"{self._prefix}: {len(self.ledger.acknowledged)} of {self._messages}")
                for task in measures:
                    if task.done():  # it failed, and some may wait for what it was to do
                        task.result()
            for task in talking:
                task.result()
            for task in measures:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await self._drain()
        self.fired += await asyncio.to_thread(self._counted)

    def _room(self, number: int) -> str:
        return f"{self._prefix}/{number}"

    async def _talk(self, sender: Client, listeners: list[Listener], names: Any) -> None:
        """Publish, send, and ask for work, one after another."""
        for number in names:
            at = number % ROOMS
            kind = self._random.choices(("publish", "send", "work"), (6, 3, 1))[0]
            if kind == "work":
                # Its result comes to who asked: a listener.
                await listeners[at].settled.wait()
                await self._work(listeners[at].client, f"{self._prefix}/{number}")
                continue
            name = f"{self._prefix}/{number}"
            self.ledger.sent.add(name)
            with contextlib.suppress(RefusedError, ClosedError):
                data = {"name": name, "padding": self._padding}
                if kind == "publish":
                    await sender.publish(self._room(at), data)
                else:
                    await sender.send(listeners[at].session_id, data)
                self.ledger.acknowledged.add(name)

    async def _work(self, client: Client, name: str) -> None:
        """The job's id is the client's, so it is its name here."""
        self.ledger.sent.add(name)
        with contextlib.suppress(RefusedError, ClosedError):
            identifier = f"work {await client.work(name)}"
            self.ledger.sent.remove(name)
            self.ledger.sent.add(identifier)
            self.ledger.acknowledged.add(identifier)

    async def _drain(self) -> None:
        end, to_come = time.monotonic() + DRAIN, len(self.ledger.lost)
        while to_come and time.monotonic() < end:
            await asyncio.sleep(0.1)
            self._progress(f"{self._prefix}: {to_come} still to come")
            if (now := len(self.ledger.lost)) < to_come:
                end, to_come = time.monotonic() + DRAIN, now
        await asyncio.sleep(1)  # repeats that come behind

    # --- measures of the harness's own -------------------------------------------------------------------------------

    async def _cut(self, listeners: list[Listener]) -> None:
        """Break listeners' connections, without a word: one for every three messages, or nobody would get any on a slow
        machine."""
        cuts = 0
        while True:
            await asyncio.sleep(self._random.uniform(0, 0.4))
            socket = self._random.choice(listeners).client._socket
            if socket is not None and len(self.ledger.acknowledged) >= 3 * cuts:
                socket.transport.abort()
                cuts += 1

    async def _kill(self, _listeners: list[Listener]) -> None:
        """Kill processes of functions at any moment of their work, one for every eight messages."""
        while True:
            await asyncio.sleep(self._random.uniform(0, 0.1))
            workers = _workers(self._cloud.process.pid)
            if workers and len(self.ledger.sent) >= 8 * self.fired:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._random.choice(workers), signal.SIGKILL)
                    self.fired += 1

    async def _duplicate(self, listeners: list[Listener]) -> None:
        """Put every job into the queue a second time, and some of them a third."""
        sqs = self._aws("sqs")
        (queue,) = [url for url in sqs.list_queues()["QueueUrls"] if "Jobs" in url and "Dead" not in url]
        for listener in listeners:
            ask = listener.client.work

            async def twice(data: Any, ask: Any = ask, listener: Listener = listener, **options: Any) -> str:
                identifier: str = await ask(data, **options)
                job = json.dumps({"session": listener.client.session_id, "id": identifier, "data": data})
                for _ in range(self._random.choice((1, 2))):
                    await asyncio.to_thread(sqs.send_message, QueueUrl=queue, MessageBody=job)
                    self.fired += 1
                return identifier

            listener.client.work = twice  # type: ignore[method-assign]
        await asyncio.Event().wait()

    async def _race(self, listeners: list[Listener]) -> None:
        """Two clients resume one session at once, again and again.

        A race that has begun is run to its end: a client that nobody listens to may be the one to win it.
        """
        while True:
            await asyncio.sleep(self._random.uniform(0, 0.3))
            racing = asyncio.create_task(self._random.choice(listeners).race(self._random.uniform(0, 0.05)))
            try:
                await asyncio.shield(racing)
            finally:
                await racing
            self.fired += 1

    async def _stall(self, listeners: list[Listener]) -> None:
        """A client that reads nothing for a while. What is acknowledged meanwhile counts."""
        while True:
            socket = listeners[0].client._socket
            before = len(self.ledger.acknowledged)
            if socket is not None:
                socket.transport.pause_reading()
                try:
                    await asyncio.sleep(self._random.uniform(0, 4))
                finally:
                    socket.transport.resume_reading()
                self.fired += len(self.ledger.acknowledged) - before
            await asyncio.sleep(self._random.uniform(0, 1))

    # --- what the cloud says -----------------------------------------------------------------------------------------

    def _counted(self) -> int:
        """How often the cloud's own faults have fired since it began."""
        cloudwatch = self._aws("cloudwatch")
        end = time.monotonic() + 30
        while True:
            fired = 0
            for fault in self._row.faults:
                points = cloudwatch.get_metric_statistics(
                    Namespace="Duplex/Faults",
                    MetricName=fault.partition("=")[0],
                    StartTime=time.time() - 86_400,
                    EndTime=time.time() + 86_400,
                    Period=86_400,
                    Statistics=["Sum"],
                )["Datapoints"]
                fired += int(sum(point["Sum"] for point in points))
            if fired or not self._row.faults or time.monotonic() > end:
                return fired
            time.sleep(0.5)

    def _aws(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self._cloud.aws,
            region_name=self._cloud.ready["region"],
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )


def _workers(cloud: int) -> list[int]:
    """The processes of functions: those of the cloud's children that have a handler. Linux only."""
    return [child.pid for child in psutil.Process(cloud).children() if _runs_a_handler(child.pid)]


def _runs_a_handler(pid: int) -> bool:
    try:
        return b"\0_HANDLER=lambdas." in b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
