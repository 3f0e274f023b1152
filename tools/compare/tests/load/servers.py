"""Servers that misbehave as they are told to, each in a thread of its own, which nothing the test does delays."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from websockets.http11 import Request, Response

    Handler = Callable[[ServerConnection], Awaitable[None]]
    Refusal = Callable[[ServerConnection, Request], Response | None]


@contextmanager
def serving(handler: Handler, refusal: Refusal | None = None) -> Iterator[str]:
    """The address of a server with this handler."""
    loop = asyncio.new_event_loop()
    started: list[str] = []
    ready, end = threading.Event(), asyncio.Event()

    async def run() -> None:
        async with serve(handler, "127.0.0.1", 0, process_request=refusal, compression=None) as server:
            started.append(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/")
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield started[0]
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


def answering(answer: Callable[[ServerConnection, str, int], Awaitable[None]]) -> Handler:
    """A handler that does this with each message and its number, from 1, one after another."""

    async def handle(socket: ServerConnection) -> None:
        count = 0
        try:
            async for message in socket:
                count += 1
                await answer(socket, str(message), count)
        except ConnectionClosed:
            return  # a client that went without a word

    return handle


async def echo(socket: ServerConnection, message: str, count: int) -> None:  # noqa: ARG001
    """Send it back at once."""
    await socket.send(message)
