"""What the router costs in process: `python -m tests.benchmarks.router`.

CPU a message of `Router.message` for a `ping`, which asks no store: no socket, no HTTP, metrics that are dropped. With
`--beside FOLDER` another checkout's router is measured as well, put together by that checkout's own test support. Each
round is a process of its own; rounds are interleaved, the table has medians and the ratio to this checkout.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from tests.processes import ROOT

#: Runs in either checkout: it gives its App those of these parts that it takes.
SCRIPT = """
import inspect, sys, time
from backend.records import Connection
from tests.backend.support import NOW, App, FakeMetrics, FakeOutbound, FakeQueue, sessions_on, table

class Dropped(FakeMetrics):
    def record(self, *_, **__):
        pass

text, pong, count = '{"action":"ping","id":1}', '{"type":"pong","id":1}', int(sys.argv[1])
with table() as client:
    parts = {"client": client, "outbound": FakeOutbound(), "queue": FakeQueue(), "metrics": Dropped()}
    parts["sessions"] = sessions_on(client)
    router = App(**{name: parts[name] for name in inspect.signature(App).parameters if name in parts}).router
    connection = Connection("a", NOW)
    for _ in range(1000):
        assert router.message(connection, text, NOW) == pong
    began = time.process_time()
    for _ in range(count):
        router.message(connection, text, NOW)
    print((time.process_time() - began) / count * 1e6)
"""
_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def ping(checkout: Path, count: int) -> float:
    """CPU microseconds of a ping, over so many."""
    environment = {**os.environ, **_AWS, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", SCRIPT, str(count)]
    return float(subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, check=True).stdout)


def main(
    beside: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Another checkout.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each.")] = 9,
    count: Annotated[int, typer.Option(min=1, help="Pings of a round.")] = 100_000,
) -> None:
    """Measure it."""
    checkouts = {"this checkout": ROOT}
    if beside is not None:
        checkouts[str(beside)] = beside.absolute()
    found: dict[str, list[float]] = {name: [] for name in checkouts}
    for _ in range(rounds):
        for name, checkout in checkouts.items():
            found[name].append(ping(checkout, count))
    median = {name: statistics.median(times) for name, times in found.items()}
    print("| router | CPU us a ping | of this checkout |\n|---|---|---|")  # noqa: T201
    for name, time in median.items():
        print(f"| {name} | {time:.2f} | {time / median['this checkout']:.2f} |")  # noqa: T201


if __name__ == "__main__":
    typer.run(main)
