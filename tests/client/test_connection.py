"""The client against a server of `websockets` that answers what a test wants."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from client import Client
from client.core import Core, Times

PATIENCE = 30
MUCH = os.urandom(200_000).hex()  # which cannot be compressed to little


def answer(frame: dict[str, Any]) -> str:
    """What the backend would say, to a client that is alone."""
    found: dict[str, Any]
    match frame["action"]:
        case "session":
            found = {"type": "session", "sessionId": "s", "resumeToken": "t", "inbox": {"epoch": 1, "seq": 0}}
            found["resumed"] = "resume" in frame
        case "publish":
            found = {"type": "accepted", "seq": 1}
        case _:
            found = {"type": "pong"}
    return json.dumps(found | {"id": frame.get("id")})


async def talk(connection: ServerConnection) -> None:
    async for text in connection:
        await connection.send(answer(json.loads(text)))


@asynccontextmanager
async def listening(serving: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    """Its URL."""
    async with asyncio.timeout(PATIENCE), serve(serving, "127.0.0.1", 0, close_timeout=1) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def test_a_peer_that_reads_no_more_is_given_up() -> None:
    """With everything full on the way to it, neither a frame nor the closing one gets through."""
    connections: list[ServerConnection] = []

    async def deaf_at_first(connection: ServerConnection) -> None:
        connections.append(connection)
        if len(connections) > 1:
            await talk(connection)
        else:
            first = json.loads(await connection.recv())
            connection.transport.pause_reading()
            connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await connection.send(answer(first))
            await connection.wait_closed()

    async def run() -> None:
        async with listening(deaf_at_first) as url, Client(url, times=Times(dead=1, first_wait=0.01)) as client:
            asking = [asyncio.create_task(client.publish("r", MUCH)) for _ in range(20)]
            full = False
            while client.reconnects == 0:  # a client tells nobody when it reconnects
                full |= client._socket is not None and client._socket.transport.get_write_buffer_size() > 0
                await asyncio.sleep(0.01)
            assert full
            assert await asyncio.gather(*asking) == [1] * 20

    asyncio.run(run())


def test_who_leaves_a_client_says_so() -> None:
    codes: list[int | None] = []

    async def until_closed(connection: ServerConnection) -> None:
        await talk(connection)
        codes.append(connection.close_code)

    async def run() -> None:
        async with listening(until_closed) as url:
            async with Client(url) as client:
                await client.publish("r", 1)
            assert client.reconnects == 0

    asyncio.run(run())
    assert codes == [1000]


def test_a_client_looks_at_the_clock_only_when_something_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: list[float] = []
    tick = Core.tick

    def counted(core: Core, now: float) -> bool:
        ticks.append(now)
        return tick(core, now)

    monkeypatch.setattr(Core, "tick", counted)

    async def run() -> None:
        async with listening(talk) as url, Client(url, times=Times(retry=PATIENCE, dead=PATIENCE)) as client:
            for number in range(2000):
                await client.publish("r", number)

    asyncio.run(run())
    assert len(ticks) <= 4, "the first, for the session, for the first request, and one to spare"


def test_a_client_that_is_asked_to_reconnect_does_so_at_once() -> None:
    connections: list[ServerConnection] = []

    async def asking(connection: ServerConnection) -> None:
        connections.append(connection)
        async for text in connection:
            await connection.send(answer(json.loads(text)))
            if len(connections) == 1:
                await connection.send('{"type": "reconnect"}')

    async def run() -> None:
        async with listening(asking) as url, Client(url, times=Times(first_wait=0.01)) as client:
            while client.reconnects == 0:  # noqa: ASYNC110 - a client tells nobody when it reconnects
                await asyncio.sleep(0.01)
            assert await client.publish("r", 1) == 1
            assert client.reconnects == 1

    asyncio.run(run())


def test_a_request_is_sent_again_on_time_although_nothing_else_is_due_for_long() -> None:
    asked: list[Any] = []

    async def deaf_to_the_first(connection: ServerConnection) -> None:
        async for text in connection:
            frame = json.loads(text)
            if frame["action"] == "publish":
                asked.append(frame["id"])
                if len(asked) == 1:
                    continue
            await connection.send(answer(frame))

    async def run() -> None:
        times = Times(retry=0.2, keep_alive=10 * PATIENCE, dead=10 * PATIENCE, renew=100 * PATIENCE)
        async with listening(deaf_to_the_first) as url, Client(url, times=times) as client:
            await _asleep(client)
            assert await client.publish("r", 1) == 1
            assert client.reconnects == 0

    asyncio.run(run())
    assert len(set(asked)) == 1
    assert len(asked) == 2


def test_a_gap_is_asked_for_on_time_although_nothing_else_is_due_for_long() -> None:
    asked = asyncio.Event()
    connections: list[ServerConnection] = []

    async def with_a_gap(connection: ServerConnection) -> None:
        connections.append(connection)
        async for text in connection:
            frame = json.loads(text)
            if frame["action"] == "session" and "resume" in frame:
                asked.set()
            await connection.send(answer(frame))

    async def run() -> None:
        times = Times(retry=10 * PATIENCE, gap=0.2, keep_alive=10 * PATIENCE, dead=10 * PATIENCE, renew=100 * PATIENCE)
        async with listening(with_a_gap) as url, Client(url, times=times) as client:
            await _asleep(client)
            await connections[0].send('{"type":"message","epoch":1,"seq":2,"from":"x","data":1}')
            await asked.wait()

    asyncio.run(run())


async def _asleep(client: Client) -> None:
    """Wait until the client waits for what is due in minutes."""
    while client._wakes < asyncio.get_running_loop().time() + PATIENCE:  # noqa: ASYNC110 - a client tells nobody
        await asyncio.sleep(0.01)
