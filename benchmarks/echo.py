"""Echo through the whole local stack, beside a bare `websockets` server: `python -m benchmarks.echo`.

Each client sends its next message when the last one has come back. Rounds of the servers are interleaved; the table has
the median of each figure. CPU is user and system time of the server's processes, in microseconds a message. Linux only:
it reads /proc.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.asyncio.server import ServerConnection

MESSAGE = "x" * 64
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server under test, and the processes whose CPU counts: by part."""

    name: str
    url: str
    parts: Callable[[], dict[str, list[int]]]


@dataclass(frozen=True)
class Figures:
    """One round: messages a second, latencies in milliseconds, CPU microseconds a message by part."""

    rate: float
    p50: float
    p99: float
    cpu: dict[str, float]


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that these processes have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields) / _TICK


async def bombard(url: str, connections: int, seconds: float) -> list[float]:
    """Echo on so many connections at once; gives every latency in seconds."""
    latencies: list[float] = []

    async def client() -> None:
        async with connect(url, compression=None, ping_interval=None) as socket:
            await ready.wait()
            while (sent := time.perf_counter()) < end:
                await socket.send(MESSAGE)
                await socket.recv()
                latencies.append(time.perf_counter() - sent)

    ready = asyncio.Event()
    end = float("inf")
    clients = [asyncio.create_task(client()) for _ in range(connections)]
    await asyncio.sleep(0.5)  # everybody connected; not part of what is measured
    end = time.perf_counter() + seconds
    ready.set()
    await asyncio.gather(*clients)
    return latencies


def measure(server: Server, connections: int, seconds: float) -> Figures:
    """One round against a server."""
    uvloop.run(bombard(server.url, connections, 0.5))  # warm: workers started, code compiled
    parts = server.parts()
    before = {part: cpu_seconds(pids) for part, pids in parts.items()}
    latencies = sorted(uvloop.run(bombard(server.url, connections, seconds)))
    used = {part: cpu_seconds(pids) - before[part] for part, pids in parts.items()}
    count = len(latencies)
    return Figures(
        rate=count / seconds,
        p50=latencies[count // 2] * 1000,
        p99=latencies[min(count - 1, count * 99 // 100)] * 1000,
        cpu={part: seconds_ / count * 1e6 for part, seconds_ in used.items()},
    )


@contextmanager
def duplex() -> Iterator[Server]:
    """The synthesized backend, as `make up` runs it."""
    with tempfile.TemporaryDirectory() as folder:
        ready_file = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "local", "--port", "0", "--ready-file", str(ready_file)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                while not ready_file.exists():
                    if process.poll() is not None:
                        sys.exit("the local cloud did not start: run make synth first")
                    time.sleep(0.05)
                ready = json.loads(ready_file.read_text())

                def parts() -> dict[str, list[int]]:
                    return {"gateway": [process.pid], "functions": children(process.pid)}

                yield Server("duplex, Lambda route", ready["apis"][0]["url"], parts)
            finally:
                process.terminate()


@contextmanager
def bare() -> Iterator[Server]:
    """A `websockets` server that does nothing but echo."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.echo", "--serve"], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None  # noqa: S101
            port = int(process.stdout.readline())
            yield Server("bare websockets", f"ws://127.0.0.1:{port}", lambda: {"gateway": [process.pid]})
        finally:
            process.terminate()


async def _serve() -> None:
    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)  # noqa: T201
        await server.wait_closed()


def main(
    seconds: Annotated[float, typer.Option(help="Length of a round.")] = 5,
    rounds: Annotated[int, typer.Option(help="Rounds of each server.")] = 3,
    connections: Annotated[str, typer.Option(help="How many connections, comma-separated.")] = "1,64",
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    serve: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Measure echoes."""
    if serve:
        uvloop.run(_serve())
        return
    counts = [int(count) for count in connections.split(",")]
    found: dict[tuple[str, int], list[Figures]] = {}
    with duplex() as ours, bare() as peer:
        for round_ in range(rounds):
            for count in counts:
                for server in (ours, peer):
                    print(f"round {round_ + 1} of {rounds}: {server.name}, {count} connections", file=sys.stderr)  # noqa: T201
                    found.setdefault((server.name, count), []).append(measure(server, count, seconds))
    rows: list[dict[str, Any]] = [
        {
            "server": name,
            "connections": count,
            "messages_per_second": round(statistics.median(figure.rate for figure in figures)),
            "p50_ms": round(statistics.median(figure.p50 for figure in figures), 2),
            "p99_ms": round(statistics.median(figure.p99 for figure in figures), 2),
            "cpu_us": {
                part: round(statistics.median(figure.cpu[part] for figure in figures)) for part in figures[0].cpu
            },
        }
        for (name, count), figures in found.items()
    ]
    if as_json:
        print(json.dumps(rows, indent=2))  # noqa: T201
        return
    print(f"{'server':<22}{'connections':>12}{'messages/s':>12}{'p50 ms':>9}{'p99 ms':>9}  CPU us a message")  # noqa: T201
    for row in rows:
        cpu = ", ".join(f"{part} {used}" for part, used in row["cpu_us"].items())
        print(  # noqa: T201
            f"{row['server']:<22}{row['connections']:>12}{row['messages_per_second']:>12}"
            f"{row['p50_ms']:>9}{row['p99_ms']:>9}  {cpu}"
        )


if __name__ == "__main__":
    typer.run(main)
