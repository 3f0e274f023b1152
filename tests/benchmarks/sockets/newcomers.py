"""How long many take to connect to a server that others keep busy."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any

import uvloop

from tests.benchmarks.sockets.clients import TEXT, Crowd, busy, progress
from tests.benchmarks.sockets.servers import eventually_quiet, servers

_BUSY = 500


async def letting_in(url: str, connections: int, count: int) -> float:
    """Seconds until so many newcomers are connected."""

    def come() -> float:
        host, port = url.removeprefix("ws://").split(":")
        with Crowd((host, int(port)), count) as crowd:
            return crowd.hear()["seconds"]

    async with busy(url, TEXT, connections):
        return await asyncio.to_thread(come)


def newcomers(rounds: int, count: int) -> list[dict[str, Any]]:
    """Seconds in which each server, busy as it is, lets them in."""
    found: dict[str, list[float]] = {}
    with servers() as (fleet, all_):
        for round_ in range(rounds):
            progress(f"newcomers, round {round_ + 1} of {rounds}")
            for name, (url, _) in all_.items():
                found.setdefault(name, []).append(uvloop.run(letting_in(url, _BUSY, count)))
                eventually_quiet(fleet)  # sessions are let go of
    return [{"server": name, "seconds": statistics.median(seconds)} for name, seconds in found.items()]
