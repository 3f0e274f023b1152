"""Clients that wait for each answer, and crowds of silent ones."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from tests.processes import ROOT

TEXT, PING = "x" * 64, '{"action":"ping","id":1}'


class Asking(WSListener):
    """A client that sends its next message when the last one has been answered."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.answered = 0
        self.going = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def ask(self) -> None:
        """Begin."""
        self.going = True
        self.transport.send(WSMsgType.TEXT, self.text.encode())

    def on_ws_frame(self, transport: WSTransport, _frame: WSFrame) -> None:
        self.answered += 1
        if self.going:
            transport.send(WSMsgType.TEXT, self.text.encode())


@asynccontextmanager
async def busy(url: str, text: str, connections: int) -> AsyncIterator[list[Asking]]:
    """Clients that ask without a pause: sessions are written, code is warm."""
    asking = [Asking(text) for _ in range(connections)]
    for client in asking:
        await ws_connect(lambda client=client: client, url)
        client.ask()
    while not all(client.answered for client in asking):  # noqa: ASYNC110 - outside of what is measured
        await asyncio.sleep(0.1)
    yield asking
    for client in asking:
        client.going = False
        client.transport.disconnect()


class Crowd:
    """`tests.benchmarks.crowd` as a process."""

    def __init__(self, address: tuple[str, int], count: int) -> None:
        host, port = address
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.crowd", host, str(port), str(count)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def say(self, line: str) -> None:
        """Ask for something."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, float]:
        """The answer, to the opening at first."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a crowd of clients has ended")
        answer: dict[str, float] = json.loads(line)
        return answer


def progress(text: str) -> None:
    """What is going on."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201
