"""What a DynamoDB call of a function costs on this machine: `python -m tests.benchmarks.aws_endpoint`. Linux only.

CPU time (user + kernel) of the calling process and of the endpoint's processes, in microseconds a call, which is what
two busy cores share; not latency. The calls are those of the application's own store, with its own client. The
endpoints take turns, so that a noisy moment of the machine hits all of them; the medians of the rounds are shown.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend import aws
from backend.dynamodb import DynamoDBStore
from backend.records import Claim, Session
from localcloud.template import ACCOUNT
from tests.benchmarks.peers import children, cpu_seconds, ministack

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-central-1"
TABLE: dict[str, Any] = {
    "TableName": "benchmark",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
}


@dataclass
class Endpoint:
    """An AWS endpoint in a process of its own; `client` and `server` are samples by operation."""

    name: str
    pid: int
    store: DynamoDBStore
    number: int = 0
    client: dict[str, list[float]] = field(default_factory=dict)
    server: dict[str, list[float]] = field(default_factory=dict)

    def cpu(self) -> float:
        """Seconds of CPU that its processes have used."""
        return cpu_seconds([self.pid, *children(self.pid)])

    def next(self) -> int:
        """A number that has not been used."""
        self.number += 1
        return self.number


NOW = time.time()
LATER = int(NOW) + 900
HELD = Claim("held", "connection")


def _session(session_id: str) -> Session:
    return Session(session_id, "connection", generation=1, connected_at=0, expires_at=LATER)


OPERATIONS: dict[str, Callable[[Endpoint], object]] = {
    "UpdateItem": lambda endpoint: endpoint.store.touch(HELD, LATER + endpoint.next(), NOW),
    "UpdateItem, 4 attributes": lambda endpoint: endpoint.store.rotate(
        HELD, endpoint.next().to_bytes(32), LATER, LATER, NOW
    ),
    "GetItem": lambda endpoint: endpoint.store.find("held", NOW),
    "PutItem": lambda endpoint: endpoint.store.create(_session(f"s{endpoint.next()}"), NOW),
}


def measure(endpoints: list[Endpoint], rounds: int, calls: int) -> None:
    """Fill in the samples, after a round that does not count."""
    for number in range(rounds + 1):
        for operation, call in OPERATIONS.items():
            for endpoint in endpoints:
                client, server = time.process_time(), endpoint.cpu()
                for _ in range(calls):
                    call(endpoint)
                client, server = time.process_time() - client, endpoint.cpu() - server
                if number:
                    endpoint.client.setdefault(operation, []).append(client / calls * 1e6)
                    endpoint.server.setdefault(operation, []).append(server / calls * 1e6)


def results(endpoints: list[Endpoint]) -> list[dict[str, Any]]:
    """One row an operation and endpoint; `ratio` is to the first endpoint."""
    rows = []
    for operation in OPERATIONS:
        first = 0.0
        for endpoint in endpoints:
            client, server = endpoint.client[operation], endpoint.server[operation]
            both = statistics.median(map(sum, zip(client, server, strict=True)))
            first = first or both
            rows.append(
                {
                    "operation": operation,
                    "endpoint": endpoint.name,
                    "clientUs": round(statistics.median(client)),
                    "serverUs": round(statistics.median(server)),
                    "bothUs": round(both),
                    "ratio": round(both / first, 2),
                }
            )
    return rows


@contextmanager
def piped(name: str, module: str) -> Iterator[Endpoint]:
    """An endpoint that speaks as localcloud.aws.server does: a line in, a line out, and it ends with its input."""
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            process.stdin.write(
                json.dumps({"port": 0, "account": ACCOUNT, "region": REGION, "clock": [0, 1], "calls": []}) + "\n"
            )
            process.stdin.flush()
            yield connected(name, process.pid, json.loads(process.stdout.readline())["port"])
        finally:
            process.kill()


def connected(name: str, pid: int, port: int) -> Endpoint:
    """The endpoint, with a table that holds the session which the operations are about."""
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    client: Any = aws.dynamodb()
    client.create_table(**TABLE)
    store = DynamoDBStore(client, TABLE["TableName"])
    store.create(_session("held"), NOW)
    store.rotate(HELD, b"0" * 32, LATER, LATER, NOW)
    return Endpoint(name, pid, store)


def main() -> None:
    """Run it and print a table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.aws_endpoint", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=300, help="a round, operation and endpoint")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local", AWS_SESSION_TOKEN="local")
    os.environ.update(AWS_DEFAULT_REGION=REGION, AWS_REGION=REGION)
    with ExitStack() as stack:
        endpoints = [
            stack.enter_context(piped("this project", "localcloud.aws.server")),
            stack.enter_context(piped("moto's server", "tools.localcloud.tests.aws.reference")),
        ]
        endpoints.append(connected("MiniStack", *stack.enter_context(ministack())))
        measure(endpoints, arguments.rounds, arguments.calls)
    rows = results(endpoints)
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    sys.stdout.write(f"CPU us a call, medians of {arguments.rounds} rounds of {arguments.calls} calls\n\n")
    sys.stdout.write("| operation | endpoint | client | endpoint's | both | ratio |\n|---|---|---|---|---|---|\n")
    for row in rows:
        sys.stdout.write("| " + " | ".join(str(value) for value in row.values()) + " |\n")


if __name__ == "__main__":
    main()
