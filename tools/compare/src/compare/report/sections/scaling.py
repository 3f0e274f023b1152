"""What each autoscaler makes of the same rush."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from compare.numbers import number
from compare.pages import blocks
from compare.pages.charts import Axis, Chart, Scale, ticks
from compare.pages.labels import short
from compare.pages.markup import Markup, element, path
from compare.pages.palette import NEUTRAL, colours

_KINDS: Final = {
    "lambda": "Lambda's concurrency: execution environments",
    "keda": "KEDA on connections: pods",
    "ecs": "target tracking on ECS: tasks",
    "cpu": "the HPA over CPU, on the pods of sockets",
    "memory": "the HPA over memory: pods",
}
_STRIP: Final = 38  # pixels for the clients over the replicas
_STEPS: Final = (60, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 12 * 3600, 86_400, 7 * 86_400)


def scaling(scaling: Mapping[str, Any]) -> blocks.Section:
    """A timeline for each, over the same minutes, and a table."""
    trace, runs = scaling["trace"], scaling["runs"]
    colour = {**colours(run["name"] for run in runs), "cpu": NEUTRAL}
    begins = float(scaling["scenario"].get("beforeSeconds", 0))
    drawings = [
        blocks.fitted(
            lambda size, run=run: timeline(run, colour[run["name"]], begins, size),  # type: ignore[misc]
            blocks.Size(304, 250),
            blocks.Size(blocks.PHONE.width, 250),
        )
        for run in runs
    ]
    words = (
        f"{trace['connections']:,} clients come within {trace['within_seconds']:,} seconds and leave "
        f"{trace['leave_after_seconds'] / 60:,.4g} minutes later. Each autoscaler starts with the smallest fleet; "
        "minutes count from the first arrival."
    )
    note = (
        "Above, grey: clients that want to be there; the line: those that are. Below, dashed: what the autoscaler asks "
        "for; solid: what is ready."
    )
    found = element("div", *(element("div", one) for one in drawings), class_="three")
    return blocks.section(
        "scaling",
        "In a rush",
        blocks.lead(words),
        blocks.captioned("Fleets over time", note, "modelled", found),
        _table(runs),
    )


def timeline(run: Mapping[str, Any], colour: int, begins: float, size: blocks.Size) -> Markup:
    """Clients above, replicas below, of one run."""
    steps = run["timeline"]
    times = [step["t"] - begins for step in steps]
    held = run.get("held", [])
    x = Scale(times[0], times[-1], 46, size.width - 52)
    top = 44.0
    bottom = size.height - 40
    most = max(max(step["desired"], step["replicas"], step["ready"]) for step in steps)
    y = Scale(0, max(most * 1.08, 1), bottom, top + _STRIP + 26)
    step = next((one for one in _STEPS if (x.high - x.low) / one <= 5), _STEPS[-1])
    marks = [float(one * step) for one in range(int(x.low // step) + 1, int(x.high // step) + 1)]
    whole = [tick for tick in ticks(0, y.high, 3) if tick == int(tick)]
    title = f"{run['name']}: {_KINDS.get(run['kind'], run['kind'])}"
    chart = Chart(
        x,
        y,
        Axis("minutes", _minutes, marks),
        Axis("", short, whole),
        size.width,
        size.height,
        title,
    )
    chart.text(2, 13, run["name"], style=f"f{colour} strong-name")
    chart.text(2, 29, _KINDS.get(run["kind"], run["kind"]))
    _clients(chart, run, times, colour, (top + _STRIP, top), held)
    for column, style in (("desired", f"s{NEUTRAL} dashed"), ("ready", f"s{colour}")):
        values = [one[column] for one in steps]
        chart.add(element("path", element("title", column), d=_stepped(times, values, x, y), class_=f"line {style}"))
    last = steps[-1]
    names = [("ready", last["ready"], colour)]
    if any(one["desired"] != one["ready"] for one in steps):
        names.append(("asked", last["desired"], NEUTRAL))
    chart.ends(names)
    return chart.svg()


def _clients(
    chart: Chart, run: Mapping[str, Any], times: list[float], colour: int, edges: tuple[float, float], held: list[float]
) -> None:
    wanted = [step["metric"] for step in run["timeline"]]
    most = max(wanted)
    y = Scale(0, most or 1, *edges)
    area = _stepped(times, wanted, chart.x, y) + f"V{edges[0]}H{chart.x.start}Z"
    chart.add(element("path", element("title", "wanted"), d=area, class_=f"band f{NEUTRAL}"))
    if len(held) == len(times):
        line = _stepped(times, held, chart.x, y)
        chart.add(element("path", element("title", "connected"), d=line, class_=f"line thin s{colour}"))
    chart.add(element("line", x1=chart.x.start, x2=chart.x.end, y1=edges[0], y2=edges[0], class_="axis"))
    chart.text(chart.x.end + 6, edges[1] + 9, f"{most:,.0f}")
    chart.text(chart.x.end + 6, edges[1] + 23, "clients")


def _stepped(xs: list[float], ys: list[float], x: Scale, y: Scale) -> str:
    """The `d` of a line that keeps its value until the next change."""
    found = path([(x(xs[0]), y(ys[0]))])
    for at, before, now in zip(xs[1:], ys, ys[1:], strict=False):
        if now != before:
            found += f"H{x(at):.1f}V{y(now):.1f}"
    return found + f"H{x(xs[-1]):.1f}"


def _table(runs: list[Mapping[str, Any]]) -> Markup:
    columns = {
        "peakReplicas": "most replicas",
        "podHours": "replica-hours",
        "refusedConnections": "found no room",
        "throttledConnections": "throttled",
        "droppedConnections": "cut by scale-in",
        "coldStarts": "cold starts",
        "scaledAfterSeconds": "grew after, s",
        "shrunkAfterSeconds": "small again after, s",
    }
    rows: list[list[str]] = [[run["name"], *(_number(run["summary"].get(key)) for key in columns)] for run in runs]
    return blocks.table(["autoscaler of", *columns.values()], rows)


def _number(value: float | None) -> str:
    if value is None:
        return "never"
    return number(value) if value >= 0 else "too early"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g}"
