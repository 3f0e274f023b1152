"""Flows to targets that are plain sockets of the tests' own."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import pytest
import uvloop

from localcloud.clock import Clock
from localcloud.pods.balancing import Group
from localcloud.pods.model import TargetGroup
from localcloud.pods.relay import Relay
from localcloud.pods.settings import PodSettings
from localcloud.pods.targets import Targets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

MUCH = b"x" * (8 * 1024 * 1024)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Scene:
    """A relay before targets that are healthy at once."""

    def __init__(self, **group: Any) -> None:
        self.targets = Targets(TargetGroup("arn", **group), PodSettings(straggler_seconds=0))
        self.group = Group(self.targets, PodSettings(), Clock())
        self.relay = Relay(self.group)
        self.servers: list[asyncio.Server] = []

    async def target(self, handler: Handler) -> tuple[str, int]:
        address = await self.serve(handler)
        self.add(address)
        return address

    async def serve(self, handler: Handler) -> tuple[str, int]:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        self.servers.append(server)
        address: tuple[str, int] = server.sockets[0].getsockname()
        return address

    def add(self, address: tuple[str, int]) -> None:
        self.targets.register(address, 0)
        self.targets.checked(address, passed=True)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self.relay.address.split(":")
        return await asyncio.open_connection(host, int(port))


@asynccontextmanager
async def scene(**group: Any) -> AsyncIterator[Scene]:
    made = Scene(**group)
    made.relay.bind(0)
    await made.relay.serve()
    try:
        async with asyncio.timeout(60):
            yield made
    finally:
        await made.relay.stop()
        made.group.stop()
        for server in made.servers:
            server.close()


@pytest.fixture(params=[uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    runner: Callable[[Coroutine[Any, Any, None]], None] = request.param
    return runner


def test_bytes_go_both_ways_whoever_speaks_first_and_when(run: Any) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello ")
        await echo(reader, writer)

    async def test() -> None:
        async with scene() as it:
            await it.target(greet)
            for _ in range(50):  # at once, while there is no target's end yet
                reader, writer = await it.connect()
                writer.write(b"you")
                assert await reader.readexactly(9) == b"hello you"
                writer.close()

    run(test())


def test_an_end_of_one_way_is_passed_on_and_the_other_way_goes_on(run: Any) -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = len(await reader.read())
        writer.write(b"%d" % length)
        writer.close()

    async def test() -> None:
        async with scene() as it:
            await it.target(count)
            for text in (b"", MUCH):
                reader, writer = await it.connect()
                writer.write(text)
                writer.write_eof()
                assert await reader.read() == b"%d" % len(text)
                writer.close()
            await settled(it)

    run(test())


def test_who_does_not_read_stops_who_writes(run: Any) -> None:
    """What is under way is bounded by buffers of ours and the kernel's, whatever a target has to say."""
    sent = 0

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with suppress(OSError):
            while True:
                writer.write(MUCH[:65536])
                await writer.drain()
                sent += 65536
        writer.close()

    async def test() -> None:
        async with scene() as it:
            await it.target(pour)
            reader, writer = await it.connect()
            cast("asyncio.Transport", writer.transport).pause_reading()
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.2)
            assert sent < 64 * 1024 * 1024
            cast("asyncio.Transport", writer.transport).resume_reading()
            await reader.readexactly(before + 1)
            writer.transport.abort()
            await settled(it)

    run(test())


def test_a_reset_at_one_end_is_a_reset_at_the_other(run: Any) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        linger = (socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.get_extra_info("socket").setsockopt(*linger)
        writer.transport.abort()

    async def test() -> None:
        async with scene() as it:
            await it.target(reset)
            reader, writer = await it.connect()
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    run(test())


def test_without_a_target_or_with_one_that_refuses_a_client_is_reset(run: Any) -> None:
    async def test() -> None:
        async with scene() as it:
            await refused(it)
            with socket.create_server(("127.0.0.1", 0)) as unused:
                nobody = unused.getsockname()
            it.add(nobody)
            await refused(it)
            assert it.targets.pick(0) == nobody, "the only one there is: fail open"
            listens = await it.target(echo)
            assert {it.targets.pick(0) for _ in range(50)} == {listens}, "who refused gets no more"

    run(test())


def test_a_deregistered_target_keeps_its_flows(run: Any) -> None:
    async def test() -> None:
        async with scene() as it:
            old = await it.target(echo)
            reader, writer = await it.connect()
            await said(reader, writer)
            it.group._wanted.add(old)
            it.group.want(set())
            assert it.targets.state(old) == "draining"
            await refused(it)
            await said(reader, writer)
            writer.close()

    run(test())


@pytest.mark.parametrize("cuts", [True, False])
def test_flows_of_an_unhealthy_target_end_unless_its_group_says_otherwise(cuts: bool) -> None:
    async def test() -> None:
        fast = {"interval": 0.01, "timeout": 1, "unhealthy_threshold": 2, "check_port": None}
        async with scene(cuts_unhealthy=cuts, **fast) as it:
            address = await it.serve(echo)
            it.group.want({address})
            await asyncio.wait_for(it.group.serving.wait(), 60)
            reader, writer = await it.connect()
            await said(reader, writer)
            it.servers[0].close()
            await until(lambda: it.targets.state(address) == "unhealthy")
            if cuts:
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            else:
                await said(reader, writer)
            writer.close()

    uvloop.run(test())


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hi")
    assert await reader.readexactly(2) == b"hi"


async def refused(it: Scene) -> None:
    """Reset, at once or before the first answer."""
    reader, writer = await it.connect()
    with pytest.raises(ConnectionResetError):
        assert await reader.read(), "no end, but a reset"
    writer.close()


async def settled(it: Scene) -> None:
    """No flow is left."""
    await until(lambda: not it.relay.flows)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
