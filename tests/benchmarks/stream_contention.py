"""How many messages a second one stream keeps: `python -m tests.benchmarks.stream_contention`.

The application's own code over a table in memory whose every call takes LATENCY, the time of a DynamoDB call within a
Region. Each host appends one message after another, so the hosts are as many as there are appends under way.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import typer

from backend.dynamodb_streams import DynamoDBStreams
from backend.ports import UnavailableError
from backend.records import Draft

LATENCY = 0.005
SECONDS = 3.0


class TakenError(Exception):
    """The condition of a write is false; what is there is in the response, as botocore has it."""

    def __init__(self, item: Any) -> None:
        super().__init__()
        self.response = {"Item": item}


class Exceptions:
    """Of a client."""

    ConditionalCheckFailedException = TakenError


class Table:
    """As much of a DynamoDB client as an append calls."""

    exceptions = Exceptions

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Any] = {}
        self.writes = self.reads = 0
        self._lock = threading.Lock()

    def put_item(self, Item: Any, **_: Any) -> None:  # noqa: N803
        """Unless it is there."""
        time.sleep(LATENCY)
        key = Item["pk"]["S"], Item["sk"]["S"]
        with self._lock:
            self.writes += 1
            if key in self.items:
                raise TakenError(self.items[key])
            self.items[key] = Item

    def update_item(self, **_: Any) -> None:
        """The head's, which makes no difference here."""
        time.sleep(LATENCY)
        self.writes += 1

    def get_item(self, Key: Any, **_: Any) -> Any:  # noqa: N803
        """One item."""
        time.sleep(LATENCY)
        self.reads += 1
        item = self.items.get((Key["pk"]["S"], Key["sk"]["S"]))
        return {"Item": item} if item else {}

    def query(self, ExpressionAttributeValues: Any, ScanIndexForward: bool, Limit: int = 10**6, **_: Any) -> Any:  # noqa: N803
        """Messages in the range, of the last few hundred: none that matters is older."""
        time.sleep(LATENCY)
        first, last = (ExpressionAttributeValues[name]["S"] for name in (":first", ":last"))
        with self._lock:
            self.reads += 1
            recent = list(self.items.items())[-500:]
        found = sorted((key, item) for key, item in recent if first <= key[1] <= last)
        items = [item for _, item in (found if ScanIndexForward else reversed(found))]
        return {"Items": items[:Limit]}


def measure(hosts: int) -> tuple[float, float, float]:
    """Messages kept a second, write units and read units a message."""
    table: Any = Table()
    kept, busy = [0] * hosts, [0] * hosts
    end = time.monotonic() + SECONDS

    def append(host: int) -> None:
        streams = DynamoDBStreams(table, "t", messages=100, seconds=3600)
        while time.monotonic() < end:
            try:
                streams.append("r", Draft(str(host), "1"), time.time())
                kept[host] += 1
            except UnavailableError:
                busy[host] += 1

    threads = [threading.Thread(target=append, args=(host,)) for host in range(hosts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(kept)
    return total / SECONDS, table.writes / total, table.reads / total


def main() -> None:
    """Print the table."""
    typer.echo("appends at once   kept a second   writes a message   reads a message")
    for hosts in (1, 2, 4, 8, 16, 32):
        rate, writes, reads = measure(hosts)
        typer.echo(f"{hosts:15} {rate:15.0f} {writes:18.2f} {reads:17.2f}")


if __name__ == "__main__":
    typer.run(main)
