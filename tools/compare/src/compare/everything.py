"""`compare all`: measure every variant here, carry it to other sizes, and say which one to choose."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console

from compare.cost import figures as rows
from compare.cost import measured as inputs
from compare.errors import CompareError
from compare.load import command, progress, senders, targets
from compare.load.document import Run
from compare.load.document import document as load_document
from compare.load.scenario import Scenario, load
from compare.report import files
from compare.report.asked import Asked, asked
from compare.report.document import document
from compare.report.ledger import text
from compare.report.page import page

_WIDTH: Final = 100

#: What is run, and in how many rounds: short enough for four variants in four minutes. Faults come last: what they
#: leave behind would be in the other figures.
PLAN: Final = (
    (load("echo").overridden(50, 300, 5), 3),
    (load("idle").overridden(600, None, 4), 1),
    (load("faults"), 1),
)


def everything(
    own_connections: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help="Connections of your own, which the verdict is then about; repeatable."),
    ] = None,
    messages_per_minute: Annotated[str, typer.Option(metavar="M", help="Messages a minute that each sends.")] = "1",
    message_bytes: Annotated[str, typer.Option(metavar="B", help="Bytes of a message and of each delivery.")] = "256",
    deliveries: Annotated[
        str, typer.Option(metavar="R", help="Frames sent to clients for each message; 1 is the reply.")
    ] = "1",
    connection_minutes: Annotated[str, typer.Option(metavar="L", help="Mean life of a connection.")] = "60",
    prices: Annotated[
        Path | None, typer.Option(metavar="F.json", help="Rows that replace those of prices.json and inputs.json.")
    ] = None,
    measured: Annotated[
        Path | None, typer.Option(metavar="RUN.json", help="Measure nothing: take an earlier run or comparison.")
    ] = None,
    assembly: Annotated[Path, typer.Option(metavar="FOLDER", help="What cdk synth wrote.")] = Path("cdk.out"),
    json: Annotated[Path | None, typer.Option(metavar="F.json", help="Write everything to this file.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="F.html", help="Write the report as a page.")] = None,
) -> None:
    """Measure every variant on this machine, model the rest, and say which to choose (docs/compare.md)."""
    load_asked = asked(
        own_connections,
        messages_per_minute,
        message_bytes=message_bytes,
        deliveries=deliveries,
        connection_minutes=connection_minutes,
    )
    _check(prices)
    files.check({"--json": json, "--html": html})
    if measured is not None:
        runs, stopped = inputs.read(measured), False
    else:
        runs, stopped = asyncio.run(_measured(assembly, Console(stderr=True)))
        if not runs:
            raise typer.Exit(progress.STOPPED if stopped else 1)
    found = report(runs, load_asked, prices, complete=not stopped)
    if json is not None:
        files.write(json, encoded(found))
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


def report(
    runs: Sequence[dict[str, Any]], load_asked: Asked, prices: Path | None = None, *, complete: bool = True
) -> dict[str, Any]:
    """The document, with what the runs measured in the models, and the reader's own rows over that."""
    taken = inputs.inputs(runs, rows.shipped())
    figures = inputs.replaced(rows.shipped(), taken)
    if prices is not None:
        figures = rows.overridden(prices, figures)
    plain = [
        {name: float(value) if name in _NUMBERS else value for name, value in one.document().items()}
        for one in taken
        if one.key not in figures.changed
    ]
    return document(runs, load_asked, figures, inputs=plain, complete=complete)


def encoded(found: dict[str, Any]) -> str:
    """A document as the text of a file."""
    return msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"


_NUMBERS: Final = {"value", "low", "high", "was"}


def _check(prices: Path | None) -> None:
    """Wrong prices are told before minutes are spent on measuring."""
    if prices is not None:
        rows.overridden(prices)


async def _measured(assembly: Path, console: Console) -> tuple[list[dict[str, Any]], bool]:
    """The documents of all runs as far as they got, and whether a signal ended them. Raises CompareError."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are in one
    stopped = progress.stop_on_signals(task)
    runs: list[Run] = []
    failures: list[str] = []
    with contextlib.suppress(asyncio.CancelledError):
        async with command.started(console, assembly) as found:
            for one in found:
                await targets.probe(one)
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
                    await command.measured(run, found, console, {})
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


def show(found: Mapping[str, Any]) -> None:
    """The verdict on a terminal."""
    console = Console(width=_WIDTH, highlight=False, markup=False, emoji=False)
    verdict = found["verdict"]
    console.print(text(verdict["headline"]), style="bold")
    for point in verdict["points"]:
        console.print(f"\n{point['title']}", style="bold")
        for sentence in point["sentences"]:
            console.print(f"- {text(sentence)}")
    if found["inputs"]:
        console.print("\nInputs that were measured", style="bold")
    for one in found["inputs"]:
        console.print(f"- {one['key']} {one['value']:g} instead of {one['was']:g}: {one['from']}")
    for run in (found["load"], *found["more"]):
        for failure in run["failures"] if run else ():
            console.print(f"failed: {failure}")
    if not found["complete"]:
        console.print("\nstopped early: these are the figures until then")
