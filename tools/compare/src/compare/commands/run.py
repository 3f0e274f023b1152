"""`compare run`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compare import files
from compare.commands.options import ToJson
from compare.errors import CompareError
from compare.load import cloudwatch, progress, senders, table, targets
from compare.load import slo as objectives
from compare.load.cloudwatch import Resources
from compare.load.document import Run, document
from compare.load.rounds import Rounds
from compare.load.scenario import Scenario, load
from compare.load.targets import Target
from compare.report.page import run_page

_WIDTH = 100


def run(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A YAML file, or echo, idle, storm, broadcast, mixed, ...")
    ] = "echo",
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=WS-URL", help="Where to send; repeatable. Without it: each variant, run here."),
    ] = None,
    connections: Annotated[int | None, typer.Option(metavar="N", help="Connections, instead of the file's.")] = None,
    rate: Annotated[float | None, typer.Option(metavar="R", help="Messages a second over all connections.")] = None,
    duration: Annotated[float | None, typer.Option(metavar="S", help="Seconds of load in each round.")] = None,
    rounds: Annotated[int, typer.Option(metavar="N", help="How often each target takes its turn.", min=1, max=50)] = 4,
    processes: Annotated[
        int | None, typer.Option(metavar="N", help="Sending processes, instead of as many as needed.", min=1, max=64)
    ] = None,
    stack: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=STACK", help="Read a target's CloudWatch figures by its stack; repeatable."),
    ] = None,
    assembly: Annotated[
        Path, typer.Option(metavar="FOLDER", help="What cdk synth wrote, for the variants that are run here.")
    ] = Path("cdk.out"),
    slo: Annotated[
        str | None, typer.Option(metavar="p99=200ms,errors=0.1%", help="Objectives; a breach ends with status 1.")
    ] = None,
    json: ToJson = None,
    html: Annotated[Path | None, typer.Option(metavar="F.html", help="Write it as a page.")] = None,
) -> None:
    """Send one load to several servers in turns, and say which differs from which (docs/load.md)."""
    loaded = load(scenario).overridden(connections, rate, duration)
    wanted = objectives.parse(slo) if slo is not None else []
    given = targets.parse(target or [])
    if loaded.kill_seconds and given:
        raise CompareError("kill_seconds: only what is run here is killed: leave --target or kill_seconds out")
    resources = {name: cloudwatch.resources(one, of) for name, (one, of) in _stacks(given, stack or []).items()}
    files.check({"--json": json, "--html": html})
    count = processes or senders.processes(loaded)
    ended, stopped = asyncio.run(_run(loaded, given, assembly, resources, rounds, count, wanted))
    if not ended.rounds:
        raise typer.Exit(progress.STOPPED)
    found = document(ended)
    if json is not None:
        files.write(json, files.encoded(found, indent=2) + "\n")
    if html is not None:
        files.write(html, run_page(found))
    console = Console(width=_WIDTH, highlight=False)
    table.show(found, console)
    if json is not None:
        console.print(f"\nEverything: {json}", soft_wrap=True)
    if html is not None:
        console.print(f"\nThe page: {html}", soft_wrap=True)
    if stopped:
        raise typer.Exit(progress.STOPPED)
    if ended.failures or not all(one["met"] for one in found["objectives"]):
        raise typer.Exit(1)


async def _run(
    scenario: Scenario,
    given: list[Target],
    assembly: Path,
    resources: dict[str, Resources],
    count: int,
    processes: int,
    wanted: list[objectives.Objective],
) -> tuple[Run, bool]:
    """The run, and whether a signal ended it."""
    console = Console(stderr=True)
    ended = Run(scenario, given, [], count, processes, wanted)
    with progress.until_stopped() as stopped:
        async with started(console, assembly, given) as found:
            await run_rounds(ended, found, console, resources)
    return ended, stopped.is_set()


async def run_rounds(ended: Run, found: list[Target], console: Console, resources: Mapping[str, Resources]) -> None:
    """Run all rounds against targets that answer; what there is stands in `ended` at any moment.

    Raises CompareError when it failed before there was anything; a failure after that is kept beside the figures.
    """
    rounds = Rounds(ended.scenario, found, ended.wanted, ended.processes)
    ended.targets, ended.rounds = found, rounds.done
    try:
        with progress.Bar(console, ended.scenario, ended.wanted * len(found)) as bar:
            await rounds.run(bar.tell)
        with progress.status(console, "Reading CloudWatch ..."):
            await _read_cloudwatch(ended, resources)
    except CompareError as error:
        if not rounds.done:
            raise
        ended.failures.append(str(error))


async def _read_cloudwatch(ended: Run, resources: Mapping[str, Resources]) -> None:
    async def one(target: Target) -> None:
        now = time.time()
        ended.cloudwatch[target.name] = await cloudwatch.statistics(
            target, resources.get(target.name), ended.began, now
        )

    await asyncio.gather(*(one(target) for target in ended.targets if target.is_local or target.name in resources))


def _stacks(given: list[Target], stacks: list[str]) -> dict[str, tuple[Target, str]]:
    """The target and the stack of each `NAME=STACK`. Raises CompareError."""
    known = {one.name: one for one in given}
    found = {}
    for text in stacks:
        name, equals, stack = text.partition("=")
        if not equals or not stack:
            raise CompareError(f"--stack: {text[:80]!r} is not NAME=STACK")
        if name not in known:
            raise CompareError(f"--stack: there is no --target {name[:40]}")
        found[name] = (known[name], stack)
    return found


@contextlib.asynccontextmanager
async def started(console: Console, assembly: Path, given: Sequence[Target] = ()) -> AsyncIterator[list[Target]]:
    """The given targets, or every variant of the assembly in a local cloud, once they answer. Raises CompareError."""
    async with contextlib.AsyncExitStack() as stack:
        found = list(given)
        if not found:
            with progress.status(console, "Starting the local clouds ..."):
                found = await stack.enter_async_context(targets.local_clouds(assembly))
        for one in found:
            await targets.probe(one)
        yield found
