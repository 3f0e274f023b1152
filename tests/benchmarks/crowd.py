"""Many silent clients in a process of their own: `python -m tests.benchmarks.crowd HOST PORT COUNT`.

Opens them, then obeys lines on stdin, each answered by a line of JSON on stdout: `ping` sends an application ping on
each and counts the unique pongs; `publish ROOM` publishes once and tells when the last client had the message;
`closed` waits until every connection has ended and counts the close codes.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from typing import cast

import uvloop

_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: crowd\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_OPENING = 200  # at once
_PATIENCE = 300.0


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame of less than 126 bytes, with a mask of zeros."""
    return bytes((0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0)) + payload


class Client(asyncio.Protocol):
    """One client. It knows as much of RFC 6455 as a pod that behaves makes it need."""

    __slots__ = ("buffer", "code", "crowd", "number", "opened", "transport")

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd = crowd
        self.number = number
        self.buffer = b""
        self.code = 1006
        self.opened: asyncio.Future[None] | None = crowd.loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(_HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.opened is not None:
            head, end, self.buffer = self.buffer.partition(b"\r\n\r\n")
            if not end:
                self.buffer = head
                return
            if head.startswith(b"HTTP/1.1 101"):
                self.opened.set_result(None)
            else:
                self.opened.set_exception(SystemExit(f"refused: {head.decode()}"))
            self.opened = None
        while len(self.buffer) >= 2:
            size, start = self.buffer[1], 2
            if size == 126:
                size, start = int.from_bytes(self.buffer[2:4]), 4
            if len(self.buffer) < start + size:
                return
            opcode, payload = self.buffer[0] & 15, self.buffer[start : start + size]
            self.buffer = self.buffer[start + size :]
            if opcode == 1:
                self.crowd.texts(self.number, payload)
            elif opcode == 9:
                self.transport.write(frame(10, payload))
            elif opcode == 8:
                self.code = int.from_bytes(payload[:2])
                self.transport.write(frame(8, payload[:2]))

    def connection_lost(self, _error: Exception | None) -> None:
        self.crowd.codes[self.code] += 1
        if self.opened is not None:
            self.opened.set_exception(SystemExit("not opened"))
        if self.crowd.codes.total() == len(self.crowd.clients):
            self.crowd.over.set()


class Crowd:
    """All of them."""

    def __init__(self, host: str, port: int, count: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.codes: Counter[int] = Counter()
        self.over = asyncio.Event()
        self._address = host, port
        self.clients = [Client(self, number) for number in range(count)]
        self._heard: set[int] = set()
        self._all = asyncio.Event()
        self._began = self._last = 0.0
        self._attempts = 0
        self._request = b""

    def texts(self, number: int, payload: bytes) -> None:
        """A text frame has come."""
        expected = f'{{"type":"pong","id":{number}}}'.encode()
        if payload == expected or payload.startswith(b'{"type":"message"'):
            self._heard.add(number)
            self._last = time.time()
            if len(self._heard) == len(self.clients):
                self._all.set()

        elif payload.startswith(b'{"type":"error"'):
            self._retry()

    def _retry(self) -> None:
        """As a client does: the local endpoint may take longer for a large room than a call may last."""
        self._attempts += 1
        self._began = time.time()
        self.clients[0].transport.write(self._request)

    async def open(self) -> float:
        """Connect them; the seconds it took."""
        began = time.time()
        turn = asyncio.Semaphore(_OPENING)

        async def one(client: Client) -> None:
            async with turn:
                opened = client.opened
                assert opened is not None
                await self.loop.create_connection(lambda: client, *self._address)
                await opened

        await asyncio.gather(*map(one, self.clients))
        return time.time() - began

    async def ask(self, text: str) -> dict[str, float]:
        """Obey a line."""
        command, _, room = text.partition(" ")
        if command == "closed":
            async with asyncio.timeout(_PATIENCE):
                await self.over.wait()
            return {str(code): count for code, count in self.codes.items()}
        self._heard.clear()
        self._all.clear()
        self._began = time.time()
        self._attempts = 1
        if command == "ping":
            for client in self.clients:
                client.transport.write(frame(1, f'{{"action":"ping","id":{client.number}}}'.encode()))
                if client.number % _OPENING == 0:
                    await asyncio.sleep(0)
        else:
            message = {"action": "publish", "id": str(self._began), "room": room, "data": "x" * 8}
            self._request = frame(1, json.dumps(message).encode())
            self.clients[0].transport.write(self._request)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._all.wait()
        except TimeoutError:
            pass  # the count tells
        return {"heard": len(self._heard), "seconds": self._last - self._began, "attempts": self._attempts}


async def main(host: str, port: int, count: int) -> None:
    """Until stdin ends."""
    crowd = Crowd(host, port, count)
    print(json.dumps({"opened": count, "seconds": await crowd.open()}), flush=True)  # noqa: T201
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        print(json.dumps(await crowd.ask(line)), flush=True)  # noqa: T201


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
