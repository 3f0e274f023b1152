"""`python -m compare run`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from compare.errors import CompareError
from compare.load import cloudwatch, senders, table, targets
from compare.load import slo as objectives
from compare.load.document import Run, document
from compare.load.rounds import Round, Rounds
from compare.load.scenario import Scenario, load
from compare.report import files

if TYPE_CHECKING:
    from compare.load.cloudwatch import Resources
    from compare.load.targets import Target

_WIDTH = 100
_STOPPED = 130  # what a shell says of a command that Ctrl-C ended


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
    json: Annotated[Path | None, typer.Option(metavar="F.json", help="Write everything to this file.")] = None,
) -> None:
    """Send one load to several servers in turns, and say which differs from which (docs/load.md)."""
    loaded = load(scenario).overridden(connections, rate, duration)
    wanted = objectives.parse(slo) if slo is not None else []
    given = targets.parse(target or [])
    resources = {name: cloudwatch.resources(one, of) for name, (one, of) in _stacks(given, stack or []).items()}
    if json is not None and not json.parent.is_dir():
        raise CompareError(f"--json: {json} cannot be written: there is no folder {json.parent}")
    count = processes or senders.processes(loaded)
    ended, stopped = asyncio.run(_run(loaded, given, assembly, resources, rounds, count, wanted))
    if not ended.rounds:
        raise typer.Exit(_STOPPED)
    found = document(ended)
    if json is not None:
        files.write(json, msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    console = Console(width=_WIDTH, highlight=False)
    table.show(found, console)
    if json is not None:
        console.print(f"\nEverything: {json}", soft_wrap=True)
    if stopped:
        raise typer.Exit(_STOPPED)
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
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are in one
    stopped = _stop_on_signals(task)
    ended = Run(scenario, given, [], count, processes, wanted)
    with contextlib.suppress(asyncio.CancelledError):
        async with _given(given) if given else _started(console, assembly) as found:
            for one in found:
                await targets.probe(one)
            rounds = Rounds(scenario, found, count, processes)
            ended.targets, ended.rounds = found, rounds.done
            try:
                with _Bar(console, scenario, count * len(found)) as bar:
                    await rounds.run(bar.tell)
                with _status(console, "Reading CloudWatch ..."):
                    await _read_cloudwatch(ended, resources)
            except CompareError as error:
                if not rounds.done:
                    raise
                ended.failures.append(str(error))  # and what was measured before it is kept
    return ended, stopped.is_set()


async def _read_cloudwatch(ended: Run, resources: dict[str, Resources]) -> None:
    for one in ended.targets:
        if one.is_local or one.name in resources:
            found = await cloudwatch.figures(one, resources.get(one.name), ended.began, time.time())
            ended.cloudwatch[one.name] = found


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


def _status(console: Console, text: str) -> AbstractContextManager[object]:
    return console.status(text) if console.is_terminal else nullcontext()


@contextlib.asynccontextmanager
async def _given(given: list[Target]) -> Any:
    yield given


@contextlib.asynccontextmanager
async def _started(console: Console, assembly: Path) -> Any:
    status = _status(console, "Starting the local clouds ...")
    async with contextlib.AsyncExitStack() as stack:
        with status:
            found = await stack.enter_async_context(targets.local_clouds(assembly))
        yield found


def _stop_on_signals(task: asyncio.Task[Any]) -> asyncio.Event:
    """The first signal ends what runs now; more of them do not disturb the clearing up."""
    stopped = asyncio.Event()

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return stopped


class _Bar:
    """How far the run is: a bar on a terminal's stderr, else a line a round."""

    def __init__(self, console: Console, scenario: Scenario, rounds: int) -> None:
        self._console, self._scenario, self._rounds = console, scenario, rounds
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._seen: list[Round] = []
        self._task = self._progress.add_task("", total=scenario.duration * rounds)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, now: Round, phase: str, told: dict[str, int]) -> None:
        """A round has come so far."""
        if now not in self._seen:
            self._seen.append(now)
            if not self._console.is_terminal:
                line = f"round {len(self._seen)} of {self._rounds}: {now.target.name}"
                self._console.print(line, highlight=False, soft_wrap=True)
        text = f"{len(self._seen)}/{self._rounds} {now.target.name}: {phase}, {told.get('open', 0)} open"
        segments = sum(seconds * (start + end) / 2 for seconds, start, end in self._scenario.segments)
        turns = told.get("connects" if self._scenario.kind == "storm" else "turns", 0)
        share = min(1.0, turns / segments) if segments else 0.0
        done = (len(self._seen) - 1 + share) * self._scenario.duration
        self._progress.update(self._task, description=text[:60], completed=done)
