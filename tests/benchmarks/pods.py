"""A message through pods/http.py, beside a bare Starlette endpoint and Flask: `python -m tests.benchmarks.pods`.

All answer a POST of 64 bytes, with the headers that API Gateway's integration maps, over connections that are kept
where the server keeps them, which Flask's does not. The pod is the real process with all it does for a message (secret,
headers, router, rates, metrics), but for the DynamoDB call, which is not due; the bare endpoint reads the body and
returns it, on the same server with the same settings; Flask's is its development server. Rounds are interleaved; CPU is
user and system time of the server's process, in microseconds a message, the median of the rounds. Linux only.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import boto3
import flask
import typer
import uvloop
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from pods.api import server as pod_http
from pods.listening import listen
from tests.benchmarks.peers import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

BODY = b"x" * 64
SECRET = "s" * 48
REGION = "eu-west-1"
HOST = f"abcdef1234.execute-api.{REGION}.amazonaws.com"
_POD, _BARE, _FLASK = "pods/http.py", "bare Starlette", "Flask's own server"


def request() -> bytes:
    """What the gateway sends for a message of a connection that has just opened."""
    said = {
        "Secret": SECRET,
        "Api-Id": "abcdef1234",
        "Domain-Name": HOST,
        "Stage": "prod",
        "Connection-Id": "Kx3fCdEFoAMCJpQ=",
        "Connected-At": str(round(time.time() * 1000)),
        "Route-Key": "$default",
        "Request-Id": "Kx3fCEFoAMFqPQ=",
        "Message-Id": "Kx3fCEFoAMFqPR=",
        "Source-Ip": "192.0.2.1",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Principal": "-",
    }
    lines = [f"X-Duplex-{name}: {value}" for name, value in said.items()]
    head = [f"POST /message HTTP/1.1\r\nHost: {HOST}", *lines, f"Content-Length: {len(BODY)}", "", ""]
    return "\r\n".join(head).encode() + BODY


async def bombard(port: int, connections: int, seconds: float) -> int:
    """Ask on so many connections, each when its last answer has come; how many answers came."""
    sent = request()
    count = 0

    async def client() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            if head[8:12] != b" 200" or await reader.readexactly(len(BODY)) != BODY:
                raise SystemExit(f"not an echo: {head.decode()}")
            count += 1
            if b"connection: close" in head.lower():
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return count


@dataclass(frozen=True)
class Server:
    """A server under test."""

    name: str
    port: int
    pid: int


@contextmanager
def _process(
    *command: str, environment: dict[str, str] | None = None, request: dict[str, Any] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """A Python process whose first line is JSON: its id, and what the line says."""
    with subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            if process.stdin is None or process.stdout is None:
                raise SystemExit("no pipes")
            if request is not None:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            line = json.loads(process.stdout.readline() or b"{}")
            if not line:
                raise SystemExit(f"{' '.join(command)} did not start")
            with _drained(process):
                yield process.pid, line
        finally:
            process.kill()


@contextmanager
def _drained(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Its further output goes nowhere, by a process that costs it no more than a log agent would."""
    with subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL) as drain:
        try:
            yield
        finally:
            drain.kill()


@contextmanager
def pod() -> Iterator[Server]:
    """The pod, with the local AWS endpoint for its secret."""
    aws = {"port": 0, "account": "123456789012", "region": REGION, "clock": [time.time(), 1], "calls": []}
    with _process("-m", "localcloud.aws.server", request={**aws, "faults": {}, "seed": 0}) as (_, line):
        url = f"http://127.0.0.1:{line['port']}"
        make: Any = boto3.client
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": REGION}
        client = make("secretsmanager", endpoint_url=url, **keys)
        arn = client.create_secret(Name="gateway", SecretString=SECRET)["ARN"]
        environment = {
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": REGION,
            "API_ID": "abcdef1234",
            "BACKEND": "eks",
            "CONNECTIONS_URL": f"https://{HOST}/prod",
            "DELIVERIES_URL": f"{url}/123456789012/deliveries",
            "DOMAIN_NAME": HOST,
            "GATEWAY_SECRET_ARN": arn,
            "JOBS_URL": f"{url}/123456789012/jobs",
            "MESSAGE_RATE": "1000000",
            "METRICS_PORT": "0",
            "PORT": "0",
            "TABLE_NAME": "none",
            "TOUCH_SECONDS": "86400",
            "SESSION_SECONDS": "172800",
        }
        with _process("-m", "pods.api", environment=environment) as (pid, said):
            _wait(said["port"])
            yield Server(_POD, said["port"], pid)


def _wait(port: int) -> None:
    """Until it is ready."""
    for _ in range(600):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.05)
    raise SystemExit("the pod is not ready")


@contextmanager
def peer(name: str, kind: str) -> Iterator[Server]:
    """One of the servers below."""
    with _process("-m", "tests.benchmarks.pods", "--serve", kind) as (pid, said):
        yield Server(name, said["port"], pid)


def _serve_bare() -> None:
    async def echo(asked: Request) -> Response:
        return Response(await asked.body(), media_type="text/plain")

    listeners = listen("127.0.0.1", 0)
    _say(listeners[0].getsockname()[1])
    server = pod_http.server(Starlette(routes=[Route("/message", echo, methods=["POST"])]), 30)
    uvloop.run(server.serve(listeners))


def _serve_flask() -> None:
    application = flask.Flask(__name__)

    @application.post("/message")
    def echo() -> flask.Response:
        return flask.Response(flask.request.get_data(), mimetype="text/plain")

    from werkzeug.serving import make_server  # noqa: PLC0415 - what `flask run` uses

    server = make_server("127.0.0.1", 0, application, threaded=True)
    _say(server.server_port)
    server.serve_forever()


def _say(port: int) -> None:
    print(json.dumps({"port": port}), flush=True)  # noqa: T201


def measure(server: Server, connections: int, seconds: float) -> tuple[float, float]:
    """One round: messages a second, and CPU microseconds a message."""
    uvloop.run(bombard(server.port, connections, 0.3))
    before = cpu_seconds([server.pid])
    count = uvloop.run(bombard(server.port, connections, seconds))
    return count / seconds, (cpu_seconds([server.pid]) - before) / count * 1e6


def main(
    seconds: Annotated[float, typer.Option(help="Length of a round.")] = 3,
    rounds: Annotated[int, typer.Option(help="Rounds of each server.")] = 5,
    connections: Annotated[int, typer.Option(help="How many at once.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    serve: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Measure messages."""
    if serve:
        {"bare": _serve_bare, "flask": _serve_flask}[serve]()
        return
    found: dict[str, list[tuple[float, float]]] = {}
    with ExitStack() as stack:
        makers = (pod(), peer(_BARE, "bare"), peer(_FLASK, "flask"))
        servers = [stack.enter_context(server) for server in makers]
        for round_ in range(rounds):
            for server in servers:
                print(f"round {round_ + 1} of {rounds}: {server.name}", file=sys.stderr)  # noqa: T201
                found.setdefault(server.name, []).append(measure(server, connections, seconds))
    bare = [cpu for _, cpu in found[_BARE]]
    rows = [
        {
            "server": name,
            "messages_per_second": round(statistics.median(rate for rate, _ in figures)),
            "cpu_us": round(statistics.median(cpu for _, cpu in figures), 1),
            # Of rounds that stood side by side: what the machine does besides moves both.
            "ratio": round(statistics.median(cpu / of for (_, cpu), of in zip(figures, bare, strict=True)), 2),
        }
        for name, figures in found.items()
    ]
    if as_json:
        print(json.dumps(rows, indent=2))  # noqa: T201
        return
    print("| server | messages/s | CPU us a message | ratio of CPU |\n" + "|---" * 4 + "|")  # noqa: T201
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")  # noqa: T201


if __name__ == "__main__":
    typer.run(main)
