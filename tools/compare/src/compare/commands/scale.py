"""`compare scale`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from compare import files
from compare.cost import measured_inputs, rows
from compare.errors import CompareError
from compare.files import write
from compare.scaling import output
from compare.scaling.replacements import Replaced, applied
from compare.scaling.results import Simulation
from compare.scaling.scenario import SHIPPED, Autoscaler, Loaded, load
from compare.scaling.simulator import simulate


def scale(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO", help="What scales, and the traffic: a JSON file, or idle-sockets, seed, week, ..."
        ),
    ],
    measured: Annotated[
        Path | None, typer.Option(metavar="RUN.json", help="Take what a socket and a message cost from compare run.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole timeline as JSON, and nothing else.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="F", help="Also write the timelines as a page to this file.")
    ] = None,
) -> None:
    """Simulate how autoscalers follow a traffic trace: replicas, refused and dropped connections."""
    path = files.scenario(scenario, SHIPPED)
    loaded = load(path)
    taken: list[Replaced] = []
    if measured is not None:
        loaded, taken = _measured(loaded, measured)
    runs = _simulated(loaded)
    if html is not None:
        write(html, output.page(path.stem, runs))
    if as_json:
        many = isinstance(loaded.scenario.autoscaler, tuple)
        found = output.as_json(runs, many=many)
        if measured is not None:
            found["measured"] = [one.document() for one in taken]
        typer.echo(msgspec.json.encode(found).decode())
    else:
        console = Console(highlight=False, markup=False, emoji=False)
        output.print_terminal(console, path.name, runs)
        if taken:
            console.print(f"\nFrom {measured}:", soft_wrap=True)
        for one in taken:
            console.print(f"- {one}")


def _measured(loaded: Loaded, path: Path) -> tuple[Loaded, list[Replaced]]:
    """Raises CompareError, also when nothing in the file has a place in the scenario."""
    found = measured_inputs.inputs(measured_inputs.read_runs(path), rows.shipped())
    changed, taken = applied(loaded.scenario, found)
    if not taken:
        raise CompareError(
            f"{path}: it measured nothing that this scenario has: sockets of pods, messages of functions"
        )
    return replace(loaded, scenario=changed), taken


def _simulated(loaded: Loaded) -> list[Simulation]:
    """All runs; in a terminal a bar on stderr shows how far they are, and goes away."""
    console = Console(stderr=True, markup=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        return [_run(loaded, autoscaler, bar) for autoscaler in loaded.scenario.autoscalers]


def _run(loaded: Loaded, autoscaler: Autoscaler, bar: Progress) -> Simulation:
    task = bar.add_task(escape(autoscaler.name), total=loaded.duration)
    return simulate(loaded, autoscaler, lambda done: bar.update(task, completed=done))
