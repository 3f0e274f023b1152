"""Reproduce the table of docs/reliability.md: `python -m tests.faults`, an hour or two on two cores.

`--row TEXT` runs the rows whose name has it, `--messages` and `--seeds` make it shorter.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from localcloud.testing import running
from tests.faults.harness import Run
from tests.faults.outage import OUTAGE, OutageRun, scaled
from tests.faults.pods import POD_ROWS, PodRow, PodRun, fleet_of
from tests.faults.rows import ROWS, Row
from tests.synthesized import synthesized

COLUMNS = (
    *("what fails", "fired", "sent", "acknowledged", "delivered", "lost", "repeated on the wire"),
    "repeated past the filter",
)
HISTORY = 1000
HEADING = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def run_row(assembly: Path, row: Row, seeds: int, messages: int) -> tuple[str, bool]:
    """A row of the table, of so many runs together, and whether it shows that all is well."""
    runs = [run_once(assembly, row, seed, -(-messages // seeds)) for seed in range(1, seeds + 1)]
    show("")
    ledgers = [run.ledger for run in runs]
    sent, acknowledged, delivered, lost = (
        sum(len(getattr(ledger, name)) for ledger in ledgers) for name in ("sent", "acknowledged", "delivered", "lost")
    )
    on_the_wire, repeated = sum(one.repeated_on_the_wire for one in ledgers), sum(one.repeated for one in ledgers)
    fired = sum(run.fired for run in runs)
    cells = (row.name, fired, sent, acknowledged, delivered, lost, on_the_wire, repeated)
    fine = lost == repeated == 0 and bool(fired or not (row.faults or row.measures))
    if not fine:
        for run in runs:
            for told in run.ledger.told:
                typer.echo(f"{row.name}: a receiver was told: {told}", err=True)
    return "| " + " | ".join(map(str, cells)) + " |", fine


def run_once(assembly: Path, row: Row, seed: int, messages: int) -> Run:
    """A run, which has ended."""
    with ExitStack() as stack:
        run: Run
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if isinstance(row, PodRow):
            run = PodRun(stack.enter_context(fleet_of(row)), row, seed, messages, show, cycles=row.cycles)
        elif row is OUTAGE:
            run = OutageRun(stack.enter_context(scaled(folder)), folder, seed, messages, show)
        else:
            faults = [option for fault in row.faults for option in ("--fault", fault)]
            options = ("--assembly", str(assembly), "--concurrency", "12", "--fault-seed", str(seed), *faults)
            run = Run(stack.enter_context(running(folder, *options)), row, seed, messages, show)
        asyncio.run(run.run())
        return run


def show(text: str) -> None:
    """Progress, on one line of a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def main(
    row: Annotated[str, typer.Option(help="Only rows whose name has this in it.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each row.")] = 3,
    messages: Annotated[int, typer.Option(min=1, help="Messages of each row, over all its runs.")] = 10_000,
) -> None:
    """Print the table; status 1 when a row has a loss, a repeat, or a fault that never fired."""
    rows = [one for one in (*ROWS, *POD_ROWS, OUTAGE) if row in one.name]
    if not rows:
        raise typer.BadParameter(f"no row has {row!r} in its name", param_hint="--row")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what was started is stopped
    typer.echo(HEADING)
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        # A history that holds all of a run: one that the faults outrun loses messages, and says so to the client.
        assembly = Path(folder)
        if any(one in ROWS for one in rows):
            assembly = synthesized(assembly, message_rate=0, history_messages=HISTORY)
        for one in rows:
            line, well = run_row(assembly, one, seeds, messages)
            typer.echo(line)
            fine = fine and well
    raise typer.Exit(0 if fine else 1)


if __name__ == "__main__":
    typer.run(main)
