"""Connections of members."""

from __future__ import annotations

import asyncio
import json
import time

import uvloop
from websockets.asyncio.server import ServerConnection, serve

from compare.load.links import Link
from compare.load.members import Group
from compare.load.scenario import Scenario, parse
from localcloud.testing import PATIENCE


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


def test_a_server_that_asks_to_reconnect_has_closed_nothing() -> None:
    """A pod that drains does: whoever follows it leaves of its own accord."""
    sessions = 0

    async def ask_to_leave(connection: ServerConnection) -> None:
        nonlocal sessions
        async for frame in connection:
            asked = json.loads(frame)
            if asked["action"] == "session":
                sessions += 1
                inbox = {"epoch": 1, "seq": 0}
                answer = {"type": "session", "id": asked["id"], "sessionId": "s", "resumeToken": "t", "inbox": inbox}
                resumed = {"resumed": True, "after": 0} if "resume" in asked else {"resumed": False}
                await connection.send(json.dumps({**answer, **resumed}))
                await connection.send('{"type":"reconnect"}')

    async def run() -> None:
        async with serve(ask_to_leave, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            group = Group(parse("it", b"kind: churn\nconnections: 2\nrate: 1\nduration: 1\n"), "test")
            link = Link(f"ws://127.0.0.1:{port}/", group)
            keeping = asyncio.create_task(link.keep(time.monotonic()))
            async with asyncio.timeout(PATIENCE):
                while sessions < 3:
                    link.tick(time.monotonic())
                    await asyncio.sleep(0.01)
            keeping.cancel()
            link.close()
            assert not group.measures.errors

    uvloop.run(run())
