"""Echo through the local stack, beside MiniStack and bare `websockets` servers: `python -m tests.benchmarks.echo`.

With this project's backend, with a handler that returns the body, and, here and on MiniStack, with one that prints a
line too. `websockets` echoes as its documentation starts it (asyncio, deflate), and as fast as it goes (uvloop, no
deflate). Each client sends its next message when the last one has come back. Rounds of the servers are interleaved;
the table has the median of each figure, and its ratio to both. CPU is user and system time of the server's
processes, in microseconds a message. Linux only: it reads /proc.

With `--against FOLDER`, another clone of the project in which `make install` has run, only this project's servers are
measured: this checkout's and the other's, with the same assemblies, and the table has the ratios of the former to the
latter.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import boto3
import typer
import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from tests.benchmarks.peers import children, cpu_seconds, local_cloud, ministack
from tests.synthesized import synthesized
from tools.localcloud.tests.assemblies import Builder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.asyncio.server import ServerConnection

MESSAGE = "x" * 64
_BARE, _TUNED = "websockets", "websockets, uvloop, no deflate"
SILENT = "def echo(event, context):\n    return {'statusCode': 200, 'body': event.get('body')}\n"
# MiniStack waits 50 ms for the log of a function that prints nothing.
PRINTING = SILENT.replace("    return", "    print('echo')\n    return")


@dataclass(frozen=True)
class Server:
    """A server under test, and the processes whose CPU counts: by part."""

    name: str
    url: str
    parts: Callable[[], dict[str, list[int]]]
    deflates: bool = False


@dataclass(frozen=True)
class Figures:
    """One round: messages a second, latencies in milliseconds, CPU microseconds a message by part."""

    rate: float
    p50: float
    p99: float
    cpu: dict[str, float]


async def bombard(server: Server, connections: int, seconds: float) -> list[float]:
    """Echo on so many connections at once; gives every latency in seconds."""
    compression = "deflate" if server.deflates else None
    latencies: list[float] = []
    everybody = asyncio.Barrier(connections)

    async def client() -> None:
        async with connect(server.url, compression=compression, ping_interval=None, open_timeout=60) as socket:
            await everybody.wait()
            end = time.perf_counter() + seconds
            while (sent := time.perf_counter()) < end:
                await socket.send(MESSAGE)
                answer = await socket.recv()
                latencies.append(time.perf_counter() - sent)
                if answer != MESSAGE:
                    raise SystemExit(f"not an echo: {answer!r}")
            await everybody.wait()  # nobody's close is part of what is measured

    await asyncio.gather(*(client() for _ in range(connections)))
    return latencies


def measure(server: Server, connections: int, seconds: float) -> Figures:
    """One round against a server."""
    uvloop.run(bombard(server, connections, 0.5))  # warm: workers started, code compiled
    parts = server.parts()
    before = {part: cpu_seconds(pids) for part, pids in parts.items()}
    latencies = sorted(uvloop.run(bombard(server, connections, seconds)))
    used = {part: cpu_seconds(pids) - before[part] for part, pids in parts.items()}
    count = len(latencies)
    return Figures(
        rate=count / seconds,
        p50=latencies[count // 2] * 1000,
        p99=latencies[min(count - 1, count * 99 // 100)] * 1000,
        cpu={part: seconds_ / count * 1e6 for part, seconds_ in used.items()},
    )


@contextmanager
def duplex(name: str, write: Callable[[Path], Path], checkout: Path | None = None) -> Iterator[Server]:
    """The local cloud with an assembly that `write` puts into a folder; that of another checkout, if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        assembly = write(Path(folder))
        with local_cloud("--assembly", str(assembly), checkout=checkout) as (url, pid):
            yield Server(name, url, lambda: {"gateway": [pid], "functions": children(pid)})


def backend(folder: Path) -> Path:
    """This project's backend, its own limits on messages a second out of the way."""
    return synthesized(folder, throttle_rate=100_000, throttle_burst=100_000, message_rate=0)


def small(folder: Path, handler: str) -> Path:
    """A handler of two lines or three instead of this project's backend."""
    builder = Builder()
    builder.function("Echo", "handlers.echo")
    builder.route("DefaultRoute", "$default", "Echo", responds=True)
    return builder.write(folder, handler)


DUPLEX: dict[str, Callable[[Path], Path]] = {
    "duplex, its backend": backend,
    "duplex, silent handler": partial(small, handler=SILENT),
    "duplex, printing handler": partial(small, handler=PRINTING),
}


@contextmanager
def ministack_printing() -> Iterator[Server]:
    """MiniStack with PRINTING behind `$default`."""
    code = BytesIO()
    with zipfile.ZipFile(code, "w") as zipped:
        zipped.writestr("handlers.py", PRINTING)
    with ministack() as (pid, port):

        def client(service: str) -> Any:
            make: Any = boto3.client
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
            return make(service, endpoint_url=f"http://127.0.0.1:{port}", **keys)

        function = client("lambda").create_function(
            FunctionName="echo",
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/echo",
            Handler="handlers.echo",
            Code={"ZipFile": code.getvalue()},
        )
        apis = client("apigatewayv2")
        api_id = apis.create_api(
            Name="echo", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )["ApiId"]
        arn = function["FunctionArn"]
        integration = apis.create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
        )
        apis.create_route(ApiId=api_id, RouteKey="$default", Target=f"integrations/{integration['IntegrationId']}")
        apis.create_stage(ApiId=api_id, StageName="prod", AutoDeploy=True)

        def parts() -> dict[str, list[int]]:
            return {"gateway": [pid], "functions": children(pid)}

        yield Server("MiniStack, printing handler", f"ws://127.0.0.1:{port}/_aws/execute-api/{api_id}/prod", parts)


@contextmanager
def bare(*, tuned: bool = True) -> Iterator[Server]:
    """A `websockets` server that does nothing but echo: as fast as it goes, or as its documentation starts it."""
    command = [sys.executable, "-m", "tests.benchmarks.echo", "--serve", "tuned" if tuned else "plain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            parts = {"gateway": [process.pid]}
            yield Server(_TUNED if tuned else _BARE, f"ws://127.0.0.1:{port}", lambda: parts, deflates=not tuned)
        finally:
            process.terminate()


async def _serve(compression: str | None) -> None:
    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with serve(echo, "127.0.0.1", 0, compression=compression) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)  # noqa: T201
        await server.wait_closed()


def main(
    seconds: Annotated[float, typer.Option(help="Length of a round.")] = 5,
    rounds: Annotated[int, typer.Option(help="Rounds of each server.")] = 3,
    connections: Annotated[str, typer.Option(help="How many connections, comma-separated.")] = "1,64",
    against: Annotated[Path | None, typer.Option(help="Another clone, in place of the peers.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    serve: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Measure echoes."""
    if serve:
        uvloop.run(_serve(None)) if serve == "tuned" else asyncio.run(_serve("deflate"))
        return
    counts = [int(count) for count in connections.split(",")]
    with ExitStack() as stack:
        here = [stack.enter_context(duplex(name, write)) for name, write in DUPLEX.items()]
        if against is None:
            peers = [stack.enter_context(server) for server in (ministack_printing(), bare(tuned=False), bare())]
        else:
            peers = [
                stack.enter_context(duplex(f"{name}, other", write, against.resolve()))
                for name, write in DUPLEX.items()
            ]
        rows = _measured([*here, *peers], counts, seconds, rounds)
    by_server = {(row["server"], row["connections"]): row for row in rows}
    for row in rows:
        if against is None:
            for name, peer in ("ratio", _BARE), ("ratio_to_tuned", _TUNED):
                base = by_server[peer, row["connections"]]
                row[name] = round(row["messages_per_second"] / base["messages_per_second"], 3)
        elif other := by_server.get((f"{row['server']}, other", row["connections"])):
            row["ratio"] = round(row["messages_per_second"] / other["messages_per_second"], 3)
            row["cpu_ratio"] = {part: round(used / other["cpu_us"][part], 3) for part, used in row["cpu_us"].items()}
    if as_json:
        print(json.dumps(rows, indent=2))  # noqa: T201
        return
    ratios = (
        {"ratio": "of websockets", "ratio_to_tuned": "of it tuned"}
        if against is None
        else {"ratio": "of the other", "cpu_ratio": "CPU of the other"}
    )
    heads = {
        "server": "server",
        "connections": "connections",
        "messages_per_second": "messages/s",
        **ratios,
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
        "cpu_us": "CPU us a message",
    }
    print(f"| {' | '.join(heads.values())} |\n{'|---' * len(heads)}|")  # noqa: T201
    for row in rows:
        print(f"| {' | '.join(_cell(row.get(key, '')) for key in heads)} |")  # noqa: T201


def _measured(servers: list[Server], counts: list[int], seconds: float, rounds: int) -> list[dict[str, Any]]:
    """The medians of each server with each number of connections, whose rounds are interleaved."""
    found: dict[tuple[str, int], list[Figures]] = {}
    for round_ in range(rounds):
        for count in counts:
            for server in servers:
                print(f"round {round_ + 1} of {rounds}: {server.name}, {count} connections", file=sys.stderr)  # noqa: T201
                found.setdefault((server.name, count), []).append(measure(server, count, seconds))
    return [
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


def _cell(value: object) -> str:
    return ", ".join(f"{part} {used}" for part, used in value.items()) if isinstance(value, dict) else str(value)


if __name__ == "__main__":
    typer.run(main)
