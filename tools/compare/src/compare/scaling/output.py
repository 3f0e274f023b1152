"""What a simulation found, as JSON, for a terminal, and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.pages import charts, html
from compare.pages.palette import NEUTRAL, colours
from compare.scaling.results import Simulation

#: The timeline in a terminal shows no more rows than this.
MOST_ROWS = 30
#: So many autoscalers fit beside each other.
MOST_BESIDE = 4
#: A chart in a terminal is so many characters wide.
COLUMNS = 64
_BLOCKS = " ▁▂▃▄▅▆▇█"


def as_json(runs: Sequence[Simulation], *, many: bool) -> dict[str, Any]:
    """One run as `timeline`, `summary` and more; several as a list of those under `runs`."""
    answers = [
        {
            "name": run.name,
            "kind": run.kind,
            "timeline": [
                {"t": index * run.period, "metric": metric, "desired": desired, "replicas": replicas, "ready": ready}
                for index, (metric, desired, replicas, ready) in enumerate(
                    zip(run.metric, run.desired, run.replicas, run.ready, strict=True)
                )
            ],
            "summary": _summary(run),
            "connections": asdict(run.connections),
            "requests": asdict(run.requests),
        }
        for run in runs
    ]
    return {"runs": answers} if many else answers[0]


def print_terminal(console: Console, title: str, runs: Sequence[Simulation]) -> None:
    """A table, a small chart and, for one run, the moments at which something changed."""
    longest = max(runs, key=lambda run: len(run.metric))
    low, high = min(longest.metric), max(longest.metric)
    console.print(f"{title}: {clock(longest.duration)}, {_count(low)} to {_count(high)} connections\n")
    for start in range(0, len(runs), MOST_BESIDE):
        console.print(_table(runs[start : start + MOST_BESIDE]))
    console.print(_charts(runs))
    if len(runs) == 1:
        _print_changes(console, runs[0])


def page(title: str, runs: Sequence[Simulation]) -> str:
    """The same as a page of its own, with the timelines drawn."""
    end = max(run.duration for run in runs)
    x_axis = _time_axis(end)
    count = charts.Axis("", _short)
    body = [html.table(["", *(run.name for run in runs)], _rows(runs))]
    longest = max(runs, key=lambda run: len(run.metric))
    wanted = charts.Series("wanted", _xs(longest), longest.metric, NEUTRAL, dashed=True)
    colour = colours(run.name for run in runs)
    held = [charts.Series(f"{run.name}: held", _xs(run), run.held, colour[run.name]) for run in runs]
    body.append(
        html.figure(
            "Connections", charts.lines([wanted, *held], x_axis, count, x_end=end, title="connections over time")
        )
    )
    if len(runs) > 1:
        replicas = [charts.Series(run.name, _xs(run), run.replicas, colour[run.name]) for run in runs]
        body.append(
            html.figure("Replicas", charts.lines(replicas, x_axis, count, x_end=end, title="replicas over time"))
        )
    for name, columns in (
        ("Refused or throttled arrivals, a decision", [run.refused for run in runs]),
        ("Sockets cut by scale-in, a decision", [run.dropped for run in runs]),
    ):
        if any(any(column) for column in columns):
            lines = [
                charts.Series(run.name, _xs(run), column, colour[run.name])
                for run, column in zip(runs, columns, strict=True)
                if any(column)
            ]
            body.append(html.figure(name, charts.lines(lines, x_axis, count, x_end=end, title=name, height=180)))
    for run in runs:
        lines = [
            charts.Series("asked for by the metric", _xs(run), run.desired, NEUTRAL, dashed=True),
            charts.Series("replicas", _xs(run), run.replicas, 0),
            charts.Series("ready", _xs(run), run.ready, 2),
        ]
        drawing = charts.lines(lines, x_axis, count, x_end=end, title=f"replicas of {run.name}", height=180)
        body.append(html.figure(f"{run.name}: what was asked for, and what was there", drawing))
    return html.page(title, "\n".join(body))


def clock(seconds: int) -> str:
    """12:30 is minutes and seconds, 2:00:00 has hours too, 1d 02:30 is days, hours and minutes."""
    if seconds >= 86_400:
        return f"{seconds // 86_400}d {seconds % 86_400 // 3600:02}:{seconds % 3600 // 60:02}"
    if seconds >= 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
    return f"{seconds // 60}:{seconds % 60:02}"


def sparkline(values: Sequence[float], top: float, columns: int = COLUMNS) -> str:
    """One character a stretch of time, as high as the largest value in it; what is not 0 is never blank."""
    line = ""
    for column in range(columns):
        start = column * len(values) // columns
        value = max(values[start : max((column + 1) * len(values) // columns, start + 1)])
        line += _BLOCKS[min(max(round(value / top * 8), 1), 8)] if value > 0 and top > 0 else " "
    return line


def _summary(run: Simulation) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "peakReplicas": run.peak,
        "podSeconds": run.pod_seconds,
        "refusedConnections": run.connections.refused,
        "droppedConnections": run.connections.dropped,
    }
    if run.cost is not None:
        summary["cost"] = round(run.cost, 4)
    return summary


def _rows(runs: Sequence[Simulation]) -> list[list[str]]:
    """One row a measure: its name, then a cell for each run. Measures that are nothing but zeros are left out."""
    measures: list[tuple[str, list[float]]] = [
        ("peak replicas", [run.peak for run in runs]),
        ("pod-hours", [run.pod_seconds / 3600 for run in runs]),
        ("node-hours", [run.node_seconds / 3600 for run in runs]),
        ("refused: no room", [run.connections.refused for run in runs]),
        ("refused: connects a second", [run.connections.throttled for run in runs]),
        ("dropped by scale-in", [run.connections.dropped for run in runs]),
        ("moved by draining", [run.connections.drained for run in runs]),
        ("cut by the scenario", [run.connections.cut for run in runs]),
        ("requests throttled", [run.requests.throttled for run in runs]),
        ("cold starts", [run.requests.cold_starts for run in runs]),
    ]
    always = ("refused: no room", "dropped by scale-in")
    rows = [
        [name, *(f"{value:,.1f}" if name.endswith("hours") else _count(value) for value in values)]
        for name, values in measures
        if any(values) or name in always
    ]
    if any(run.cost is not None for run in runs):
        rows.append(["cost", *("" if run.cost is None else f"{run.cost:,.2f}" for run in runs)])
    return rows


def _table(runs: Sequence[Simulation]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for index, heading in enumerate(["", *(run.name for run in runs)]):
        table.add_column(heading, justify="right" if index else "left")
    for row in _rows(runs):
        table.add_row(*row)
    return table


def _charts(runs: Sequence[Simulation]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    longest = max(runs, key=lambda run: len(run.metric))
    table.add_row("wanted", Text(sparkline(longest.metric, max(longest.metric))))
    top = max(run.peak for run in runs)
    worst = max(max(run.refused) for run in runs)
    for run in runs:
        table.add_row(run.name[:14], Text(sparkline(run.replicas, top)))
        if any(run.refused):
            table.add_row("  refused", Text(sparkline(run.refused, worst), style="red"))
    return table


def _print_changes(console: Console, run: Simulation) -> None:
    """The moments at which the fleet changed or turned clients away; crowded ones are put together."""
    changed = [
        index
        for index in range(len(run.metric))
        if index == 0
        or run.refused[index]
        or run.dropped[index]
        or any(column[index] != column[index - 1] for column in (run.desired, run.replicas, run.ready))
    ]
    rows = min(len(changed), MOST_ROWS)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("time", "metric", "desired", "replicas", "ready", "held", "refused", "dropped"):
        table.add_column(heading, justify="right")
    for row in range(rows):
        stretch = changed[row * len(changed) // rows : (row + 1) * len(changed) // rows]
        first = stretch[0]
        now = [column[first] for column in (run.metric, run.desired, run.replicas, run.ready, run.held)]
        sums = [sum(column[index] for index in stretch) for column in (run.refused, run.dropped)]
        table.add_row(clock(first * run.period), *(_count(value) for value in [*now, *sums]))
    console.print(table)
    if len(changed) > rows:
        console.print(f"{len(changed):,} moments of change in {rows} rows; --html draws all, --json lists all.")


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _short(value: float) -> str:
    """For an axis, where there is little room."""
    return f"{value / 1e6:g} M" if value >= 1e6 else _count(value)


def _xs(run: Simulation) -> list[int]:
    return [index * run.period for index in range(len(run.metric))]


def _time_axis(end: int) -> charts.Axis:
    """Ticks that fall on round minutes, hours or days."""
    steps = (60, 300, 600, 900, 1800, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 7 * 86_400, 30 * 86_400)
    step = next((step for step in steps if end / step <= 8), steps[-1])
    ticks = [float(at) for at in range(0, end + 1, step)] if end >= 60 else None
    if step >= 86_400:
        return charts.Axis("days", lambda t: f"{t / 86_400:.0f}", ticks)
    if step >= 600:
        return charts.Axis("hours:minutes", lambda t: f"{t // 3600:.0f}:{t % 3600 // 60:02.0f}", ticks)
    return charts.Axis("minutes:seconds", lambda t: f"{t // 60:.0f}:{t % 60:02.0f}", ticks)
