"""`compare all`: measure every variant here, carry it to other sizes, and say which one to choose."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from compare import files
from compare.commands.options import ConnectionMinutes, Deliveries, MessagesPerMinute, Prices, ToJson
from compare.commands.run import run_rounds, started
from compare.cost import measured_inputs, rows
from compare.errors import CompareError
from compare.load import progress, senders
from compare.load.document import Run
from compare.load.document import document as load_document
from compare.load.scenario import Scenario, load
from compare.report.document import from_runs
from compare.report.load_sizes import load_sizes
from compare.report.page import page
from compare.report.terminal import show

#: What is run, and in how many rounds: short enough for four variants in four minutes. Faults come last: what they
#: leave behind would be in the other figures.
PLAN: Final = (
    (load("echo").overridden(50, 300, 5), 3),
    (load("idle").overridden(600, None, 4), 1),
    (load("faults"), 1),
)


def measure_all(
    own_connections: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help="Connections of your own, which the verdict is then about; repeatable."),
    ] = None,
    messages_per_minute: MessagesPerMinute = "1",
    message_bytes: Annotated[str, typer.Option(metavar="B", help="Bytes of a message and of each delivery.")] = "256",
    deliveries: Deliveries = "1",
    connection_minutes: ConnectionMinutes = "60",
    prices: Prices = None,
    measured: Annotated[
        Path | None, typer.Option(metavar="RUN.json", help="Measure nothing: take an earlier run or comparison.")
    ] = None,
    assembly: Annotated[Path, typer.Option(metavar="FOLDER", help="What cdk synth wrote.")] = Path("cdk.out"),
    json: ToJson = None,
    html: Annotated[Path | None, typer.Option(metavar="F.html", help="Write the report as a page.")] = None,
) -> None:
    """Measure every variant on this machine, model the rest, and say which to choose (docs/compare.md)."""
    sizes = load_sizes(
        own_connections,
        messages_per_minute,
        message_bytes=message_bytes,
        deliveries=deliveries,
        connection_minutes=connection_minutes,
    )
    if prices is not None:
        rows.overridden(prices)  # what is wrong in it is told before minutes are spent on measuring
    files.check({"--json": json, "--html": html})
    if measured is not None:
        runs, stopped = measured_inputs.read_runs(measured), False
    else:
        runs, stopped = asyncio.run(_run_all(assembly, Console(stderr=True)))
        if not runs:
            raise typer.Exit(progress.STOPPED if stopped else 1)
    found = from_runs(runs, sizes, prices, complete=not stopped)
    if json is not None:
        files.write(json, files.encoded(found) + "\n")
    if html is not None:
        files.write(html, page(found))
    show(found)
    for what, path in (("The page", html), ("Everything", json)):
        if path is not None:
            typer.echo(f"\n{what}: {path}")
    if stopped:
        raise typer.Exit(progress.STOPPED)
    if any(run["failures"] or not run["complete"] for run in runs):
        raise typer.Exit(1)


async def _run_all(assembly: Path, console: Console) -> tuple[list[dict[str, Any]], bool]:
    """The documents of all runs as far as they got, and whether a signal ended them. Raises CompareError."""
    runs: list[Run] = []
    failures: list[str] = []
    with progress.until_stopped() as stopped:
        async with started(console, assembly) as found:
            for number, (scenario, rounds) in enumerate(PLAN):
                console.print(
                    f"{number + 1} of {len(PLAN)}: {_title(scenario)}, {rounds} rounds of "
                    f"{', '.join(target.name for target in found)}",
                    highlight=False,
                    soft_wrap=True,
                )
                run = Run(scenario, found, [], rounds, senders.processes(scenario), [])
                runs.append(run)
                try:
                    await run_rounds(run, found, console, {})
                except CompareError as error:
                    failures.append(str(error))
                    run.failures.append(str(error))
    documents = [load_document(run) for run in runs if run.rounds]
    if not documents and failures:
        raise CompareError(failures[0])
    if documents and failures:
        documents[0]["failures"] = list(dict.fromkeys([*documents[0]["failures"], *failures]))
    return documents, stopped.is_set()


def _title(scenario: Scenario) -> str:
    if scenario.kill_seconds:
        return "processes killed under load"
    return {"echo": "echoes", "idle": "silent connections"}.get(scenario.kind, scenario.kind)
