"""Sockets on which many may connect at once."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import ExitStack

import pytest
import uvloop

from pods.listening import ACCEPTS, BACKLOG, listen

TIMEOUT = 30


def test_many_that_wait_are_accepted_in_a_few_turns() -> None:
    count = 4 * ACCEPTS

    async def test() -> int:
        made: list[asyncio.BaseTransport] = []

        class Arrived(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.append(transport)

        loop = asyncio.get_running_loop()
        listeners = listen("127.0.0.1", 0)
        address = listeners[0].getsockname()
        with ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(socket.create_connection(address, timeout=TIMEOUT))
            servers = [await loop.create_server(Arrived, sock=one, backlog=BACKLOG) for one in listeners]
            turns = 0
            async with asyncio.timeout(TIMEOUT):
                while len(made) < count:
                    turns += 1
                    await asyncio.sleep(0)
            for server in servers:
                server.close()
            for transport in made:
                transport.close()
        return turns

    assert uvloop.run(test()) <= 2 * count / ACCEPTS


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_is_taken_once(host: str) -> None:
    with ExitStack() as stack:
        listeners = [stack.enter_context(one) for one in listen(host, 0)]
        assert {one.getsockname() for one in listeners} == {listeners[0].getsockname()}
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            listen(host, listeners[0].getsockname()[1])
