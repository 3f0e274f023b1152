"""Hints between pods, over a real Redis where there is one, and over our own broker."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import cast

import pytest
import uvloop

from pods.sockets.bus import WAITING, Bus, Hint, Listener
from pods.sockets.metrics import SocketMetrics
from tests.e2e.socket_pods.fleet import REDIS, BusProcess
from tests.processes import PATIENCE, eventually

BUSES = ["broker", *(["redis"] if REDIS is not None else [])]


@pytest.fixture(params=BUSES)
def process(request: pytest.FixtureRequest) -> Iterator[BusProcess]:
    with ExitStack() as stack:
        process = BusProcess(redis=request.param == "redis")
        stack.callback(process.stop)
        yield process


class Pod:
    """A pod's end of the bus, and what came of it."""

    def __init__(self, url: str, name: str, *, rebalances: bool = False) -> None:
        self.metrics = SocketMetrics(1)
        self.hints: asyncio.Queue[Hint] = asyncio.Queue()
        self.loads: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self.missed = 0
        heard = (lambda pod, sockets: self.loads.put_nowait((pod, sockets))) if rebalances else None
        self.bus = Bus(url, name, self.metrics, loads=rebalances)
        self.running = asyncio.create_task(self.bus.run(Listener(self.hints.put_nowait, self._miss, heard)))

    def _miss(self) -> None:
        self.missed += 1

    async def connected(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not self.metrics.bus_connected:  # noqa: ASYNC110 - a figure tells nobody
                await asyncio.sleep(0.01)

    async def has_missed(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not self.missed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


HINT = Hint("r", [("s", "b.1"), ("t", "b.2")], b'{"a":"\xc3\xa9"}')


def test_a_hint_reaches_the_pod_that_it_names_and_no_other(process: BusProcess) -> None:
    async def run() -> None:
        one, two = Pod(process.url, "a"), Pod(process.url, "b")
        await asyncio.gather(one.connected(), two.connected())
        await asyncio.to_thread(one.bus.tell, "nobody", HINT)
        await asyncio.to_thread(one.bus.tell, "b", HINT)
        async with asyncio.timeout(PATIENCE):
            assert await two.hints.get() == HINT
        two.bus.tell("a", HINT)
        async with asyncio.timeout(PATIENCE):
            assert await one.hints.get() == HINT
        assert one.hints.empty()
        assert two.hints.empty()
        assert (one.missed, two.missed) == (0, 0)
        await asyncio.gather(one.stop(), two.stop())

    asyncio.run(run())


def test_pods_that_rebalance_hear_how_many_sockets_the_others_have(process: BusProcess) -> None:
    async def run() -> None:
        one, two = Pod(process.url, "a", rebalances=True), Pod(process.url, "b", rebalances=True)
        silent = Pod(process.url, "c")
        await asyncio.gather(one.connected(), two.connected(), silent.connected())
        one.bus._enqueue("duplex:loads", b"\xc1")  # what is no load is passed over
        one.bus.tell_load(7)
        async with asyncio.timeout(PATIENCE):
            assert await two.loads.get() == ("a", 7)
        one.bus.tell("c", HINT)
        async with asyncio.timeout(PATIENCE):
            assert await silent.hints.get() == HINT
        assert silent.loads.empty()
        assert two.hints.empty()
        await asyncio.gather(one.stop(), two.stop(), silent.stop())

    asyncio.run(run())


def test_who_may_have_missed_hints_is_told_when_the_bus_is_back(process: BusProcess) -> None:
    async def run() -> None:
        one, two = Pod(process.url, "a"), Pod(process.url, "b")
        await asyncio.gather(one.connected(), two.connected())
        await asyncio.to_thread(process.stop)
        one.bus.tell("b", HINT)
        await asyncio.to_thread(
            eventually, lambda: not one.metrics.bus_connected and not two.metrics.bus_connected, "the loss"
        )
        await asyncio.to_thread(process.start)
        await asyncio.gather(one.has_missed(), two.has_missed())
        one.bus.tell("b", HINT)
        async with asyncio.timeout(PATIENCE):
            assert await two.hints.get() == HINT
        await asyncio.gather(one.stop(), two.stop())

    asyncio.run(run())


@pytest.mark.parametrize("under_way", [False, True], ids=["before a batch", "while one is under way"])
def test_everybody_looks_when_more_hints_wait_than_a_pod_keeps(process: BusProcess, under_way: bool) -> None:
    async def run() -> None:
        one, two = Pod(process.url, "a"), Pod(process.url, "b")
        await asyncio.gather(one.connected(), two.connected())
        for _ in range(WAITING + (not under_way)):
            one.bus.tell("b", HINT)
        await asyncio.sleep(0)  # they are in the queue now
        if under_way:
            while one.bus._queue.full():  # noqa: ASYNC110 - nobody is told when a batch begins
                await asyncio.sleep(0)
            assert not one.metrics.hints["published"]
            for _ in range(WAITING):
                one.bus.tell("b", HINT)
            await asyncio.sleep(0)
        assert one.metrics.hints["dropped"]
        await asyncio.gather(one.has_missed(), two.has_missed())
        await asyncio.gather(one.stop(), two.stop())

    asyncio.run(run())


def test_what_is_no_hint_is_left_aside(process: BusProcess) -> None:
    async def run() -> None:
        pod = Pod(process.url, "a")
        await pod.connected()
        await pod.bus._redis.publish("duplex:a", b"\xc1 no hint")
        pod.bus.tell("a", HINT)
        async with asyncio.timeout(PATIENCE):
            assert await pod.hints.get() == HINT
        await pod.stop()

    asyncio.run(run())


def test_a_pod_starts_and_waits_when_there_is_no_bus() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        pod = Pod(f"redis://127.0.0.1:{port}", "a")
        pod.bus.tell("a", HINT)
        async with asyncio.timeout(PATIENCE):
            while not pod.metrics.hints["failed"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not pod.running.done()
        await pod.stop()

    asyncio.run(run())


class Dying(asyncio.Protocol):
    """A bus that resets each connection, each time at another of the first commands."""

    connections = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        linger = struct.pack("ii", 1, 0)  # to close is to reset
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.left = Dying.connections % 12
        Dying.connections += 1

    def data_received(self, data: bytes) -> None:
        for command in data.split(b"*")[1:]:
            self.transport.write(b"+PONG\r\n" if b"PING" in command else b"+OK\r\n")
            self.left -= 1
            if self.left < 0:
                self.transport.abort()
                return


@asynccontextmanager
async def dying_bus(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Its URL. Pods come back at once."""
    monkeypatch.setattr("pods.sockets.bus._LONGEST_WAIT", 0.001)
    monkeypatch.setattr("pods.sockets.bus._FIRST_WAIT", 0.001)
    monkeypatch.setattr(Dying, "connections", 0)
    server = await asyncio.get_running_loop().create_server(Dying, "127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE), server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def be_busy(pod: Pod, *, connections: int) -> None:
    end = Dying.connections + connections
    while Dying.connections < end and not pod.running.done():
        pod.bus.tell("b", HINT)
        await asyncio.sleep(0.001)
    assert not pod.running.done(), pod.running


def test_a_pod_outlives_a_bus_that_dies_at_any_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the event loop of the pods, where a write to a connection that was just reset has an error of its own."""

    async def run() -> None:
        async with dying_bus(monkeypatch) as url:
            pod = Pod(url, "a")
            await be_busy(pod, connections=200)
            await pod.stop()

    uvloop.run(run())


def test_a_pod_ends_whatever_its_bus_is_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with dying_bus(monkeypatch) as url:
            for connections in range(60):
                pod = Pod(url, "a")
                await be_busy(pod, connections=1 + connections % 20)
                await pod.stop()

    uvloop.run(run())


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"*1\r\n$99999999\r\n", b"*0\r\n", b"*x\r\n", b"\r\n"])
def test_the_broker_ends_what_speaks_something_else(sent: bytes) -> None:
    process = BusProcess(redis=False)
    try:
        with socket.create_connection(("127.0.0.1", process.port), PATIENCE) as client:
            client.sendall(sent)
            assert client.recv(100) == b""
        with socket.create_connection(("127.0.0.1", process.port), PATIENCE) as client:
            client.sendall(b"*1\r\n$4\r\nKEYS\r\n*1\r\n$4\r\nPING\r\n")
            answer = b""
            while b"PONG" not in answer:
                answer += client.recv(100)
            assert answer.startswith(b"-ERR unknown command")
    finally:
        process.stop()
