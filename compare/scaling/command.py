"""`python -m compare scale SCENARIO.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from compare.report import files
from compare.scaling import report
from compare.scaling.results import Run
from compare.scaling.scenario import Autoscaler, Loaded, load
from compare.scaling.simulator import simulate


def scale(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.json", help="What scales, and the traffic.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole timeline as JSON, and nothing else.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="F", help="Also write the timelines as a page to this file.")
    ] = None,
) -> None:
    """Simulate how autoscalers follow a traffic trace: replicas, refused and dropped connections."""
    loaded = load(scenario)
    runs = _simulated(loaded)
    if html is not None:
        files.write(html, report.page(scenario.stem, runs))
    if as_json:
        many = isinstance(loaded.scenario.autoscaler, tuple)
        typer.echo(msgspec.json.encode(report.as_json(runs, many=many)).decode())
    else:
        report.print_terminal(Console(highlight=False, markup=False, emoji=False), scenario.name, runs)


def _simulated(loaded: Loaded) -> list[Run]:
    """All runs; in a terminal a bar on stderr shows how far they are, and goes away."""
    console = Console(stderr=True, markup=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        return [_run(loaded, autoscaler, bar) for autoscaler in loaded.scenario.autoscalers]


def _run(loaded: Loaded, autoscaler: Autoscaler, bar: Progress) -> Run:
    task = bar.add_task(escape(autoscaler.name), total=loaded.duration)
    return simulate(loaded, autoscaler, lambda done: bar.update(task, completed=done))
