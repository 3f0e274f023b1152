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

from client import Client, RefusedError, UnansweredError
from client.core import FRAME_BYTES, MESSAGE_BYTES, Core, Times

PATIENCE = 30
MUCH = os.urandom(50_000).hex()  # which cannot be compressed to little


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
async def listening(
    serving: Callable[[ServerConnection], Awaitable[None]], largest: tuple[int, int] = (MESSAGE_BYTES, FRAME_BYTES)
) -> AsyncIterator[str]:
    """Its URL; `largest` are the bytes of a message and of a frame beyond which it closes with 1009."""
    async with (
        asyncio.timeout(PATIENCE),
        serve(serving, "127.0.0.1", 0, close_timeout=1, max_size=largest) as server,
    ):
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
            _holds_little(client)
            asking = [asyncio.create_task(client.publish("r", MUCH)) for _ in range(20)]
            full = False
            while client.reconnects == 0:  # a client tells nobody when it reconnects
                full |= _full(client)
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


@pytest.mark.parametrize("data", ["x" * 40_000, "x" * 130_000, "é€😀" * 14_000])
def test_what_is_larger_than_a_frame_goes_out_as_fragments(data: str) -> None:
    published: list[Any] = []

    async def noting(connection: ServerConnection) -> None:
        async for text in connection:
            frame = json.loads(text)
            published.extend(frame["data"] for _ in "1" if frame["action"] == "publish")
            await connection.send(answer(frame))

    async def run() -> None:
        async with listening(noting) as url, Client(url) as client:
            asking = [client.publish("r", data), client.publish("r", "small"), client.publish("r", data)]
            assert await asyncio.gather(*asking) == [1, 1, 1]
            assert client.reconnects == 0

    asyncio.run(run())
    assert published == [data, "small", data]


def test_what_is_larger_than_a_message_is_refused_and_disturbs_nothing() -> None:
    async def run() -> None:
        async with listening(talk) as url, Client(url) as client:
            with pytest.raises(RefusedError, match="too-large"):
                await client.publish("r", "é" * 70_000)
            assert await client.publish("r", 1) == 1
            assert client.reconnects == 0

    asyncio.run(run())


@pytest.mark.parametrize("largest", [(MESSAGE_BYTES, 20_000), (35_000, FRAME_BYTES)])
def test_a_large_request_at_which_the_server_closes_with_1009_fails_once(largest: tuple[int, int]) -> None:
    """This server takes less than API Gateway does."""

    async def run() -> None:
        async with listening(talk, largest) as url, Client(url, times=Times(first_wait=0.01)) as client:
            with pytest.raises(UnansweredError, match="1009"):
                await client.publish("r", os.urandom(20_000).hex())
            assert await client.publish("r", 1) == 1
            assert client.reconnects == 1

    asyncio.run(run())


def test_of_small_requests_the_last_one_fails_when_the_server_closes_with_1008() -> None:
    asked: list[Any] = []

    async def strict(connection: ServerConnection) -> None:
        async for text in connection:
            frame = json.loads(text)
            if frame["action"] == "publish":
                asked.append(frame["data"])
                if frame["data"] == "first" and asked.count("first") == 1:
                    continue
                if frame["data"] == "bad":
                    await connection.close(1008)
                    return
            await connection.send(answer(frame))

    async def run() -> None:
        async with listening(strict) as url, Client(url, times=Times(first_wait=0.01)) as client:
            first, bad = (asyncio.ensure_future(client.publish("r", data)) for data in ("first", "bad"))
            with pytest.raises(UnansweredError, match="1008"):
                await bad
            assert await first == 1
            assert client.reconnects == 1

    asyncio.run(run())
    assert asked == ["first", "bad", "first"]


def test_a_request_without_an_answer_fails_in_time_and_may_be_asked_again_under_its_id() -> None:
    asked: list[Any] = []

    async def deaf_at_first(connection: ServerConnection) -> None:
        async for text in connection:
            frame = json.loads(text)
            if frame["action"] == "publish":
                asked.append(frame["id"])
                if frame["data"] == "unheard":
                    continue
            await connection.send(answer(frame))

    async def run() -> None:
        async with listening(deaf_at_first) as url, Client(url, times=Times(retry=0.1)) as client:
            with pytest.raises(UnansweredError, match=r"no answer within 0\.35 s") as raised:
                await client.publish("r", "unheard", timeout=0.35)
            count = len(asked)
            assert count >= 2
            assert await client.publish("r", "heard", request_id=raised.value.request_id) == 1
            await asyncio.sleep(0.3)
            assert len(asked) == count + 1, "what was given up is not sent again"

    asyncio.run(run())
    assert len(set(asked)) == 1


def test_requests_fail_in_time_although_nobody_reads_at_the_other_end() -> None:
    over = asyncio.Event()

    async def deaf(connection: ServerConnection) -> None:
        await connection.send(answer(json.loads(await connection.recv())))
        connection.transport.pause_reading()
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await over.wait()
        connection.transport.abort()

    async def run() -> None:
        async with listening(deaf) as url, Client(url, times=Times(answer=3)) as client:
            _holds_little(client)
            asking: list[Awaitable[object]] = [client.publish("r", MUCH) for _ in range(20)]
            asking += [client.send("s", 1), client.join("r"), client.leave("r"), client.work(1)]
            outcomes = await asyncio.gather(*asking, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {UnansweredError}
            assert client.reconnects == 0
            over.set()

    asyncio.run(run())


def test_who_gives_up_a_request_does_not_break_off_a_message_in_the_middle() -> None:
    given_up = asyncio.Event()

    async def slow_at_first(connection: ServerConnection) -> None:
        await connection.send(answer(json.loads(await connection.recv())))
        connection.transport.pause_reading()
        await given_up.wait()
        connection.transport.resume_reading()
        await talk(connection)

    async def run() -> None:
        async with listening(slow_at_first) as url, Client(url) as client:
            _holds_little(client)
            asking = [asyncio.create_task(client.publish("r", MUCH)) for _ in range(20)]
            while client._socket is None or client._socket.send_in_progress is None or not _full(client):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            for task in asking:
                task.cancel()
            await asyncio.wait(asking)
            given_up.set()
            assert await client.publish("r", 1) == 1
            assert client.reconnects == 0

    asyncio.run(run())


def _holds_little(client: Client) -> None:
    """Make what is on the way from a client small, so that a few messages fill it."""
    assert client._socket is not None
    client._socket.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


def _full(client: Client) -> bool:
    """Whether what a client sends has to wait."""
    return client._socket is not None and client._socket.transport.get_write_buffer_size() > 0


async def _asleep(client: Client) -> None:
    """Wait until the client waits for what is due in minutes."""
    while client._wakes < asyncio.get_running_loop().time() + PATIENCE:  # noqa: ASYNC110 - a client tells nobody
        await asyncio.sleep(0.01)
