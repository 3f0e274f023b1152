"""What the local gateway itself costs: `python -m tests.benchmarks.gateway`.

A template with MOCK and HTTP_PROXY routes and no `$connect` runs as `localcloud --template` runs it, beside a bare
`websockets` server. CPU is user and system time of the gateway's own process; memory is what it grows by while 9,000
clients are connected and silent. Rounds are interleaved, the table has medians. Linux only: it reads /proc.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import httptools
import typer
import uvloop
from websockets.asyncio.client import connect

from tests.benchmarks.echo import bare
from tests.benchmarks.peers import cpu_seconds, local_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

MOCK, PROXY = '{"action":"mock","id":1}', '{"action":"proxy","id":1}'
_HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"  # a close frame, 1000
_OPENING = 200  # connections being opened at once


class Backend(asyncio.Protocol):
    """The cheapest HTTP server there is: answers every request with its body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def template(backend: str) -> dict[str, Any]:
    """The API under test."""
    api = {"ApiId": {"Ref": "Api"}}
    kinds: dict[str, dict[str, Any]] = {
        "mock": {"IntegrationType": "MOCK", "RequestTemplates": {"$default": '{"statusCode":200}'}},
        "proxy": {"IntegrationType": "HTTP_PROXY", "IntegrationUri": backend, "IntegrationMethod": "POST"},
    }
    resources: dict[str, tuple[str, dict[str, Any]]] = {
        "Api": ("Api", {"ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}),
        "Stage": ("Stage", {**api, "StageName": "prod"}),
        "Reply": (
            "IntegrationResponse",
            {
                **api,
                "IntegrationId": {"Ref": "mockTo"},
                "IntegrationResponseKey": "$default",
                "ResponseTemplates": {"$default": '{"type":"pong","to":"$context.connectionId"}'},
            },
        ),
    }
    for key, properties in kinds.items():
        answers = {"RouteResponseSelectionExpression": "$default"}
        resources[f"{key}To"] = ("Integration", api | properties)
        target = {"Fn::Sub": f"integrations/${{{key}To}}"}
        resources[key] = ("Route", {**api, **answers, "RouteKey": key, "Target": target})
        response = {**api, "RouteId": {"Ref": key}, "RouteResponseKey": "$default"}
        resources[f"{key}Response"] = ("RouteResponse", response)
    return {
        "Resources": {
            name: {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": properties}
            for name, (kind, properties) in resources.items()
        }
    }


@contextmanager
def serving_backend() -> Iterator[str]:
    """A backend process; gives its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.gateway", "--serve"], stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.terminate()


@contextmanager
def gateway() -> Iterator[tuple[str, int]]:
    """The gateway's URL and its process."""
    with tempfile.TemporaryDirectory() as folder, serving_backend() as backend:
        path = Path(folder, "bench.json")
        path.write_text(json.dumps(template(backend)))
        with local_cloud("--template", str(path)) as cloud:
            yield cloud


async def ask(url: str, text: str, connections: int, seconds: float) -> int:
    """Send a message after the other on so many connections; gives how many were answered."""
    answered = 0

    async def client() -> None:
        nonlocal answered
        async with connect(url, compression=None, ping_interval=None) as socket:
            while time.perf_counter() < end:
                await socket.send(text)
                await socket.recv()
                answered += 1

    end = time.perf_counter() + seconds
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(client() for _ in range(connections)))
    return answered


def round_trip(url: str, pid: int, text: str, connections: int, seconds: float) -> tuple[float, float]:
    """CPU microseconds of a process for each round trip, and round trips a second."""
    uvloop.run(ask(url, text, connections, 0.5))
    before = cpu_seconds([pid])
    answered = uvloop.run(ask(url, text, connections, seconds))
    return (cpu_seconds([pid]) - before) / answered * 1e6, answered / seconds


async def _open(url: str, count: int) -> list[asyncio.StreamWriter]:
    address, _, path = url.removeprefix("ws://").partition("/")
    host, port = address.split(":")
    turn = asyncio.Semaphore(_OPENING)

    async def one() -> asyncio.StreamWriter:
        async with turn:
            reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
            writer.write(_HANDSHAKE % f"/{path}".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101"), head
            return writer

    return list(await asyncio.gather(*(one() for _ in range(count))))


def resident(pid: int) -> float:
    """The memory of a process, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


def opening(url: str, pid: int, count: int) -> tuple[float, float]:
    """CPU microseconds for each connection that is accepted, and KiB for each that is then idle."""

    async def main() -> tuple[float, float]:
        memory, cpu = resident(pid), cpu_seconds([pid])
        writers = await _open(url, count)
        used = (cpu_seconds([pid]) - cpu) / count * 1e6
        await asyncio.sleep(1)
        grown = (resident(pid) - memory) / count
        for writer in writers:
            writer.write(_CLOSE)
            writer.close()
        return used, grown

    return uvloop.run(main())


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Backend, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


def main(
    seconds: Annotated[float, typer.Option(help="Length of a round.")] = 4,
    rounds: Annotated[int, typer.Option(help="Rounds of each.")] = 3,
    connections: Annotated[int, typer.Option(help="How many ask at once.")] = 64,
    idle: Annotated[int, typer.Option(help="How many connections are idle.")] = 9000,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    serve: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Measure the gateway."""
    if serve:
        uvloop.run(_serve())
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    found: dict[str, list[tuple[float, float]]] = {}
    for round_ in range(rounds):
        print(f"round {round_ + 1} of {rounds}", file=sys.stderr)  # noqa: T201
        with gateway() as (url, pid), bare() as peer:
            (peer_pid,) = peer.parts()["gateway"]
            found.setdefault("open", []).append(opening(url, pid, idle))
            found.setdefault("open, bare", []).append(opening(peer.url, peer_pid, idle))
            for name, asked in ("MOCK", MOCK), ("HTTP_PROXY", PROXY):
                found.setdefault(name, []).append(round_trip(url, pid, asked, connections, seconds))
            found.setdefault("echo, bare", []).append(round_trip(peer.url, peer_pid, MOCK, connections, seconds))
    median = {name: [statistics.median(values) for values in zip(*pairs, strict=True)] for name, pairs in found.items()}
    rows = [
        ("MOCK round trip, CPU us", median["MOCK"][0], median["echo, bare"][0]),
        ("HTTP_PROXY round trip, CPU us", median["HTTP_PROXY"][0], median["echo, bare"][0]),
        ("MOCK round trips a second", median["MOCK"][1], median["echo, bare"][1]),
        ("HTTP_PROXY round trips a second", median["HTTP_PROXY"][1], median["echo, bare"][1]),
        ("accepting a connection, CPU us", median["open"][0], median["open, bare"][0]),
        (f"an idle one of {idle}, KiB", median["open"][1], median["open, bare"][1]),
    ]
    if as_json:
        print(json.dumps([{"what": what, "gateway": ours, "bare": theirs} for what, ours, theirs in rows], indent=2))  # noqa: T201
        return
    print(f"{'':<34}{'gateway':>10}{'bare websockets':>17}{'ratio':>8}")  # noqa: T201
    for what, ours, theirs in rows:
        print(f"{what:<34}{ours:>10.1f}{theirs:>17.1f}{ours / theirs:>8.2f}")  # noqa: T201


if __name__ == "__main__":
    typer.run(main)
