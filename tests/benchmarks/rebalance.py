"""What it costs to give a new pod its share: `python -m tests.benchmarks.rebalance`.

Two pods hold all clients, a third one is added, and the clients stay: nobody new comes. Clients that are asked to
reconnect do so as a balancer sends them: to any pod (`random`, as a network load balancer does by its hash), or to the
one with the fewest (`fewest`, as an application load balancer does with `least_outstanding_requests`). Told: the share
of the fullest pod above the mean before and after, the reconnects, and the seconds until nobody was asked any more.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from typing import Annotated, Any

import typer
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from tests.e2e.socket_pods.fleet import REDIS, Fleet, Pod

BALANCERS = ("random", "fewest")
_OPENING = 100  # at once
_QUIET_SECONDS = 6.0


class Crowd:
    """Clients that say nothing, and reconnect when they are asked to."""

    def __init__(self, balancer: str) -> None:
        self.pods: list[Pod] = []
        self.held: dict[Pod, int] = {}
        self.reconnects = 0
        self.last = 0.0
        self._balancer = balancer
        self._turn = asyncio.Semaphore(_OPENING)
        self._tasks: set[asyncio.Task[None]] = set()
        self.ending = False

    def add(self, pod: Pod) -> None:
        """Send clients to this one, too."""
        self.pods.append(pod)
        self.held[pod] = 0

    async def connect(self) -> None:
        """One more client, on the pod that the balancer chooses."""
        pod = random.choice(self.pods) if self._balancer == "random" else min(self.pods, key=self.held.__getitem__)
        self.held[pod] += 1
        async with self._turn:
            await ws_connect(lambda: Client(self, pod), pod.url)

    def closed(self, pod: Pod) -> None:
        """A connection has ended: its client comes back."""
        self.held[pod] -= 1
        if self.ending:
            return
        self.reconnects += 1
        self.last = time.monotonic()
        task = asyncio.ensure_future(self.connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def above_the_mean(self) -> float:
        """The fullest pod's percent above the mean."""
        return 100 * (max(self.held.values()) * len(self.held) / sum(self.held.values()) - 1)


class Client(WSListener):
    """One connection."""

    def __init__(self, crowd: Crowd, pod: Pod) -> None:
        self._crowd = crowd
        self._pod = pod

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        self._crowd.closed(self._pod)


async def measure(clients: int, balancer: str, percent: int, rate: int) -> dict[str, Any]:
    """Fill two pods, add one, wait until all is quiet."""
    options = {"rebalance_percent": percent, "rebalance_rate": rate, "message_rate": 0, "drain_seconds": 0}
    with Fleet(2, redis=REDIS is not None, **options) as fleet:
        crowd = Crowd(balancer)
        for pod in fleet.pods:
            crowd.add(pod)
        await asyncio.gather(*(crowd.connect() for _ in range(clients)))
        crowd.add(await asyncio.to_thread(fleet.add))
        before, began = crowd.above_the_mean(), time.monotonic()
        crowd.last = began
        while time.monotonic() - max(crowd.last, began + 3 * _QUIET_SECONDS) < _QUIET_SECONDS:
            progress(f"{balancer}: {crowd.reconnects} reconnects, {crowd.above_the_mean():.0f} % above the mean")
            await asyncio.sleep(0.2)
        figures = [await asyncio.to_thread(pod.figure, "ws_connections_active") for pod in crowd.pods]
        assert figures == list(crowd.held.values()), (figures, crowd.held)
        crowd.ending = True
        progress("")
        return {
            "balancer": balancer,
            "clients": clients,
            "pods": [int(figure) for figure in figures],
            "above_before": round(before, 1),
            "above_after": round(crowd.above_the_mean(), 1),
            "reconnects": crowd.reconnects,
            "moved": int(figures[-1]),
            "seconds": round(crowd.last - began, 1),
        }


def progress(text: str) -> None:
    """On one line of a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def main(
    clients: Annotated[int, typer.Option(min=10, help="Over two pods, then three.")] = 1500,
    percent: Annotated[int, typer.Option(min=1, help="REBALANCE_PERCENT.")] = 20,
    rate: Annotated[int, typer.Option(min=1, help="REBALANCE_RATE.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Measure what a rebalance costs."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    found = [uvloop.run(measure(clients, balancer, percent, rate)) for balancer in BALANCERS]
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo("| balancer | pods afterwards | fullest above the mean | reconnects | a client moved | seconds |")
    typer.echo("|---|---|---|---|---|---|")
    for one in found:
        pods = ", ".join(map(str, one["pods"]))
        above = f"{one['above_before']} % -> {one['above_after']} %"
        each = one["reconnects"] / max(1, one["moved"])
        typer.echo(f"| {one['balancer']} | {pods} | {above} | {one['reconnects']} | {each:.2f} | {one['seconds']} |")


if __name__ == "__main__":
    typer.run(main)
