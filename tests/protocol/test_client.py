"""The reference client against a running backend."""

from __future__ import annotations

import asyncio

import pytest

from client import Client, Message, RefusedError, Result, TakenOverError
from tests.protocol.peers import PATIENCE, Backend, Peers


async def collect(client: Client, count: int) -> list[object]:
    found: list[object] = []
    async with asyncio.timeout(PATIENCE):
        async for event in client:
            found.append(event)
            if len(found) == count:
                break
    return found


def test_a_conversation(cloud: Backend, peers: Peers) -> None:
    async def run() -> None:
        room = peers.room()
        async with Client(cloud.url) as ann, Client(cloud.url) as bob:
            await bob.join(room)
            assert [await ann.publish(room, number) for number in range(5)] == [1, 2, 3, 4, 5]
            assert await ann.send(bob.session_id, "hi") == 1
            identifier = await bob.work({"n": 1})
            events = await collect(bob, 7)
            assert [event.data for event in events if isinstance(event, Message) and event.room] == [0, 1, 2, 3, 4]
            assert [event.id for event in events if isinstance(event, Result)] == [identifier]
            with pytest.raises(RefusedError, match="no-session"):
                await ann.send("a" * 26, 1)
            await bob.leave(room)

    asyncio.run(run())


def test_a_message_larger_than_a_frame_comes_back(cloud: Backend, peers: Peers) -> None:
    async def run() -> None:
        room, data = peers.room(), "x" * 20_000 + "é" * 10_000
        assert len(data.encode()) == 40_000
        async with Client(cloud.url) as client:
            await client.join(room)
            assert await client.publish(room, data) == 1
            assert await client.publish(room, "small") == 2
            assert [event.data for event in await collect(client, 2) if isinstance(event, Message)] == [data, "small"]
            assert client.reconnects == 0

    asyncio.run(run())


def test_nothing_is_lost_or_repeated_while_connections_break(cloud: Backend, peers: Peers) -> None:
    async def run() -> None:
        room = peers.room()
        async with Client(cloud.url) as ann, Client(cloud.url) as bob:
            await bob.join(room)

            async def cut() -> None:
                for client in (bob, ann, bob):
                    await asyncio.sleep(0.2)
                    while client._socket is None:  # noqa: ASYNC110 - a client tells nobody when it reconnects
                        await asyncio.sleep(0.01)
                    client._socket.transport.abort()

            cutting = asyncio.create_task(cut())
            for number in range(40):
                await ann.publish(room, number)
                await ann.send(bob.session_id, number)
                await asyncio.sleep(0.01)
            await cutting
            events = await collect(bob, 80)
            assert all(isinstance(event, Message) for event in events)
            for name in (room, None):
                got = [event.data for event in events if isinstance(event, Message) and event.room == name]
                assert got == list(range(40))
            assert bob.reconnects >= 2

    asyncio.run(run())


def test_to_be_taken_over_ends_a_client(cloud: Backend, peers: Peers) -> None:
    async def run() -> None:
        async with Client(cloud.url) as client:
            token = client._core._tokens[-1]
            await asyncio.to_thread(peers.new().session, resume=token)
            with pytest.raises(TakenOverError):
                await collect(client, 1)
            with pytest.raises(TakenOverError):
                await client.publish("r", 1)
            assert client.reconnects == 0

    asyncio.run(run())
