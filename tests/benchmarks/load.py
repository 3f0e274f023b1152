"""What it costs to send a load and measure it: `python -m tests.benchmarks.load`.

The sending process of `compare run` beside a bare client on `websockets` and uvloop that sends at the same rate and
looks at its clock; both against one picows server. CPU is user and system time of the client's process, in microseconds
an echo of 64 bytes. Rounds are interleaved; the table has medians. Linux only: it reads /proc.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
import uvloop
from websockets.asyncio.client import connect

from compare.load.scenario import load
from compare.load.senders import Senders
from tests.benchmarks.peers import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.asyncio.client import ClientConnection

CONNECTIONS, RATE, SECONDS, ROUNDS = 64, 4000, 4, 3
SERVER = """
import asyncio, picows, uvloop
class Echo(picows.WSListener):
    def on_ws_frame(self, transport, frame):
        if frame.msg_type is picows.WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())
async def main():
    server = await picows.ws_create_server(lambda _: Echo(), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
uvloop.run(main())
"""


@contextmanager
def server() -> Iterator[str]:
    """The address of an echo server in a process of its own."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"ws://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.terminate()


async def ours(url: str) -> float:
    """CPU microseconds an echo of a sending process."""
    scenario = load("echo").overridden(CONNECTIONS, RATE, SECONDS)
    async with Senders.start(url, scenario, "benchmark", 1) as senders:
        await senders.connected(lambda _: None)
        sent = await senders.send(lambda _: None)
    return sent.cpu[0][0] / sent.measures.counts["answered"] * 1e6


async def bare(url: str) -> float:
    """The same of `websockets`, in this process."""
    sockets = [await connect(url, compression=None) for _ in range(CONNECTIONS)]
    latencies: list[float] = []

    async def receive(socket: ClientConnection) -> None:
        async for message in socket:
            latencies.append(time.monotonic() - float(message.split()[0]))  # noqa: PERF401 - a list that others read

    receivers = [asyncio.create_task(receive(socket)) for socket in sockets]
    cpu, begin = cpu_seconds([os.getpid()]), time.monotonic()
    for count in range(RATE * SECONDS):
        if (wait := begin + count / RATE - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        await sockets[count % CONNECTIONS].send(f"{time.monotonic():.6f} ".ljust(64, "."))
    await asyncio.sleep(0.2)
    used = cpu_seconds([os.getpid()]) - cpu
    for socket in sockets:
        await socket.close()
    await asyncio.gather(*receivers)
    return used / len(latencies) * 1e6


def main() -> None:
    """Run it and print the table."""
    figures: dict[str, list[float]] = {"compare run": [], "bare websockets": []}
    with server() as url:
        for _ in range(ROUNDS):
            figures["compare run"].append(uvloop.run(ours(url)))
            figures["bare websockets"].append(uvloop.run(bare(url)))
    medians = {name: statistics.median(values) for name, values in figures.items()}
    print("| client | CPU us an echo | ratio |\n|---|---|---|")  # noqa: T201
    for name, value in medians.items():
        print(f"| {name} | {value:.1f} | {value / medians['bare websockets']:.2f} |")  # noqa: T201


if __name__ == "__main__":
    typer.run(main)
