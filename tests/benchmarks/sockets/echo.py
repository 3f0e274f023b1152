"""CPU a message of a pod's process, beside Node's `ws` and bare picows."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import uvloop

from tests.benchmarks.peers import cpu_seconds
from tests.benchmarks.sockets.clients import PING, TEXT, busy, progress
from tests.benchmarks.sockets.servers import NODE_WS, servers

_CLIENTS = 64


async def round_trips(url: str, pid: int, text: str, connections: int, seconds: float) -> tuple[float, float]:
    """CPU microseconds of a process for each round trip, and round trips a second: connecting does not count."""
    async with busy(url, text, connections) as asking:
        before, cpu, began = sum(client.answered for client in asking), cpu_seconds([pid]), time.perf_counter()
        await asyncio.sleep(seconds)
        answered = sum(client.answered for client in asking) - before
        used, took = cpu_seconds([pid]) - cpu, time.perf_counter() - began
    return used / answered * 1e6, answered / took


def echo(rounds: int, seconds: float) -> list[dict[str, Any]]:
    """CPU microseconds a message, and messages a second, of each server; medians over the rounds.

    `ws` sends back what comes, whatever it is: its rounds of either message are pooled to one median.
    """
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with servers() as (_, all_):
        for round_ in range(rounds):
            progress(f"echo, round {round_ + 1} of {rounds}")
            for kind, text in ("64 bytes", TEXT), ("ping", PING):
                for name, (url, pid) in all_.items():
                    key = (name, "either" if name == NODE_WS else kind)
                    found.setdefault(key, []).append(uvloop.run(round_trips(url, pid, text, _CLIENTS, seconds)))
    return [
        {
            "server": name,
            "message": kind,
            "rounds": len(figures),
            "cpu_us": statistics.median(cpu for cpu, _ in figures),
            "per_second": statistics.median(rate for _, rate in figures),
        }
        for (name, kind), figures in found.items()
    ]
