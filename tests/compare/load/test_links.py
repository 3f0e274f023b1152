"""Connections of members."""

from __future__ import annotations

import asyncio
import time

import uvloop

from compare.load.links import Link
from compare.load.members import Group
from compare.load.scenario import Scenario
from tests.processes import PATIENCE


def test_a_server_that_hangs_up_during_the_handshake_is_asked_again() -> None:
    handshakes = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal handshakes
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        handshakes += 1

    async def run() -> None:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            group = Group(Scenario(kind="echo", connections=1, rate=1, duration=1), "test")
            keeping = asyncio.create_task(Link(f"ws://127.0.0.1:{port}/", group).keep(time.monotonic()))
            async with asyncio.timeout(PATIENCE):
                while handshakes < 3 and not keeping.done():  # noqa: ASYNC110 - the server is this same loop
                    await asyncio.sleep(0.01)
            assert not keeping.done()
            keeping.cancel()
            assert group.measures.errors["hung up during the handshake"] >= 2
            assert group.measures.counts["refused"] >= 2

    uvloop.run(run())
