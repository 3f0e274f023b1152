"""The port on which many may connect at once."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from localcloud.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

TIMEOUT = 30


@pytest.fixture(params=[uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    runner: Callable[[Coroutine[Any, Any, None]], None] = request.param
    return runner


def test_many_that_wait_are_accepted_in_a_few_turns(run: Any) -> None:
    async def test() -> None:
        made: list[asyncio.BaseTransport] = []

        class Arrived(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.append(transport)

        listener = Listener(0)
        listener.listen()
        with ExitStack() as stack:
            for _ in range(64):
                stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=TIMEOUT))
            await listener.serve(Arrived)
            accepting = 0  # turns in which somebody was
            async with asyncio.timeout(TIMEOUT):
                while (before := len(made)) < 64:
                    await asyncio.sleep(0)
                    accepting += len(made) > before
            listener.close()
            for transport in made:
                transport.close()
        assert accepting <= 64 / 4  # it is 64 with one descriptor

    run(test())


def test_a_port_is_taken_at_once_and_refuses_until_it_is_served(run: Any) -> None:
    async def test() -> None:
        listener = Listener(0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", listener.port), timeout=TIMEOUT)
        await listener.serve(asyncio.Protocol)
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            Listener(listener.port)
        with socket.create_connection(("127.0.0.1", listener.port), timeout=TIMEOUT):
            pass
        listener.close()

    run(test())


def test_of_two_on_one_port_one_is_told_when_it_listens_at_the_latest(run: Any) -> None:
    async def serve(port: int, stack: ExitStack) -> None:
        listener = Listener(port)
        stack.callback(listener.close)
        await asyncio.sleep(0)
        await listener.serve(asyncio.Protocol)

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with ExitStack() as stack:
            outcomes = await asyncio.gather(serve(port, stack), serve(port, stack), return_exceptions=True)
        told = [outcome for outcome in outcomes if isinstance(outcome, OSError)]
        assert [error.errno for error in told] == [errno.EADDRINUSE]

    run(test())


def test_what_is_closed_accepts_nobody_and_keeps_who_is_there(run: Any) -> None:
    async def test() -> None:
        class Echo(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                self.transport = transport

            def data_received(self, data: bytes) -> None:
                self.transport.write(data)

        listener = Listener(0)
        await listener.serve(Echo)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        listener.close()
        await asyncio.sleep(0)  # libuv closes descriptors at the end of a turn
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"two")
        assert await reader.readexactly(3) == b"two"
        writer.close()

    run(test())
