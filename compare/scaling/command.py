"""`python -m compare scale SCENARIO.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from compare.report import files
from compare.scaling import report
from compare.scaling.scenario import load
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
    runs = [simulate(loaded, autoscaler) for autoscaler in loaded.scenario.autoscalers]
    if html is not None:
        files.write(html, report.page(scenario.stem, runs))
    if as_json:
        many = isinstance(loaded.scenario.autoscaler, tuple)
        typer.echo(msgspec.json.encode(report.as_json(runs, many=many)).decode())
    else:
        report.print_terminal(Console(highlight=False), scenario.name, runs)
