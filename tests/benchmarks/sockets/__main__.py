"""What pods that hold sockets cost: `python -m tests.benchmarks.sockets`.

Echo: CPU a message of the pod's process, routing included, beside Node's `ws` and bare picows; 64 clients that wait for
each answer, rounds interleaved, medians. `ws` echoes either message, so its rounds are pooled to one median. Newcomers:
how long many take to connect, 200 at a time, to a server that 500 others keep busy; a pod writes their sessions. Idle:
so many silent sockets over four pods, each with its session in the table, counted there and at the clients; memory of
the process, and of the kernel, whose two ends of a connection count as one each. Fan-out: one publish to a room that
everybody is in. Linux only: it reads /proc.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from typing import Annotated, Any

import typer

from tests.benchmarks.sockets.echo import echo
from tests.benchmarks.sockets.fan_out import fan_out
from tests.benchmarks.sockets.idle import idle
from tests.benchmarks.sockets.newcomers import newcomers
from tests.benchmarks.sockets.servers import NODE_WS


def show(found: dict[str, Any]) -> None:
    """The tables of docs/benchmarks.md."""
    if rows := found.get("echo"):
        base = next(row["cpu_us"] for row in rows if row["server"] == NODE_WS)
        print("| server | message | rounds | CPU us a message | of Node ws | messages/s |\n|---|---|---|---|---|---|")  # noqa: T201
        for row in rows:
            figures = (f"{row['cpu_us']:.1f}", f"{row['cpu_us'] / base:.2f}", f"{row['per_second']:.0f}")
            print(f"| {row['server']} | {row['message']} | {row['rounds']} | {' | '.join(figures)} |")  # noqa: T201
    if rows := found.get("newcomers"):
        print("\n| server | seconds |\n|---|---|")  # noqa: T201
        for row in rows:
            print(f"| {row['server']} | {row['seconds']:.2f} |")  # noqa: T201
    for part in ("idle", "fan_out"):
        if part in found:
            print("\n| what | figure |\n|---|---|")  # noqa: T201
            for name, value in found[part].items():
                shown = f"{value:.1f}" if isinstance(value, float) else value
                print(f"| {name.replace('_', ' ')} | {shown} |")  # noqa: T201


def main(
    part: Annotated[str, typer.Option(help="echo, newcomers, idle or fan-out; all without.")] = "",
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of a round of echoes.")] = 4,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Rounds of each: without it nine of echoes, three of the others.")
    ] = None,
    arriving: Annotated[int, typer.Option(min=1, help="How many newcomers come.")] = 1000,
    sockets: Annotated[int, typer.Option(min=4, help="How many are idle, over four pods.")] = 60_000,
    clients: Annotated[int, typer.Option(min=1, help="How many are in the room.")] = 9000,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Measure pods that hold sockets."""
    if part not in {"", "echo", "newcomers", "idle", "fan-out"}:
        raise typer.BadParameter("it is echo, newcomers, idle or fan-out", param_hint="--part")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what was started is stopped
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    found: dict[str, Any] = {}
    if part in {"", "echo"}:
        found["echo"] = echo(rounds or 9, seconds)
    if part in {"", "newcomers"}:
        found["newcomers"] = newcomers(rounds or 3, arriving)
    if part in {"", "idle"}:
        found["idle"] = idle(sockets, 4)
    if part in {"", "fan-out"}:
        found["fan_out"] = fan_out(clients, rounds or 3)
    if as_json:
        print(json.dumps(found, indent=2))  # noqa: T201
    else:
        show(found)


if __name__ == "__main__":
    typer.run(main)
