"""The run on a terminal, within 100 columns."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_ROWS = (
    ("connections opened", "connections.opened"),
    ("connections refused", "connections.refused"),
    ("messages sent", "messages.sent"),
    ("answered a second", "messages.a_second"),
    ("deliveries", "messages.deliveries"),
    ("lost", "messages.lost"),
    ("unanswered", "messages.unanswered"),
    ("repeated", "messages.repeated"),
    ("overtaken", "messages.overtaken"),
    ("errors, %", "errors.percent"),
    ("backend CPU a message, us", "backend.cpu_us_a_message"),
    ("backend CPU a connect, us", "backend.cpu_us_a_connect"),
    ("backend memory, MiB", "backend.mib"),
    ("emulator CPU a message, us", "emulator.cpu_us_a_message"),
    ("emulator memory, MiB", "emulator.mib"),
    ("generator, % of a core", "generator.core_percent"),
)
_TITLES = {"connect": 0, "echo": 1, "pong": 2, "accepted": 3, "delivered": 4, "result": 5, "resumed": 6}
_AT_ONCE = 4  # targets side by side


def show(document: dict[str, Any], console: Console) -> None:
    """Print it: figures with their spread over rounds, what differs, what limited us, objectives."""
    targets = document["targets"]
    for start in range(0, len(targets), _AT_ONCE):
        console.print(_table(targets[start : start + _AT_ONCE]))
    console.print("latency: ms from the time a message was due; (low-high) over rounds; loopback when local\n")
    for target in targets:
        for limit in target["limits"]:
            console.print(f"[bold]generator limit[/], {target['name']}: {limit['text']}")
        for kind, count in list(target["errors"].items())[:5]:
            console.print(f"{target['name']}: {count} x {escape(kind)}")
    for line in _differences(document):
        console.print(line)
    for one in document["objectives"]:
        unit = "%" if one["objective"] == "errors" else " ms"
        value = "not measured" if one["value"] is None else f"{one['value']:.4g}{unit}"
        verdict = "met" if one["met"] else "[bold]BREACHED[/]"
        console.print(f"{one['target']}: {one['objective']} {value}, limit {one['limit']:g}{unit}: {verdict}")
    for failure in document["failures"]:
        console.print(f"[bold]failed:[/] {escape(failure)}")
    if not document["complete"]:
        console.print("[bold]stopped early:[/] these are the figures until then")


def _table(targets: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for target in targets:
        table.add_column(target["name"], justify="right", overflow="fold")
    for label, key in [*_latencies(targets), *_ROWS]:
        cells = [_cell(target["figures"].get(key)) for target in targets]
        if any(cells):
            table.add_row(label, *cells)
    return table


def _latencies(targets: list[dict[str, Any]]) -> list[tuple[str, str]]:
    names = {name for target in targets for name in target["histograms"]}
    rows = []
    for name in sorted(names, key=lambda name: _TITLES.get(name, 9)):
        rows += [(f"{name} {label}", f"latency.{name}.corrected.{label}_ms") for label in ("p50", "p99", "p99.9")]
        rows.append((f"{name} p99, uncorrected", f"latency.{name}.uncorrected.p99_ms"))
    return rows


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None or (not figure["value"] and not figure["high"]):
        return "" if figure is None else "0"
    if figure.get("over") == "sum" or figure["low"] == figure["high"]:
        return f"{figure['value']:,.4g}" if figure["value"] < 1000 else f"{figure['value']:,.0f}"
    return f"{_number(figure['value'])} ({_number(figure['low'])}-{_number(figure['high'])})"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _differences(document: dict[str, Any]) -> list[str]:
    """Those that are larger than the noise, of the figures that the table shows."""
    wanted = {key for _, key in [*_latencies(document["targets"]), *_ROWS]}
    lines = [
        f"{one['figure']}: {one['better']} is better, {_times(one)} (chance alone: {one['chance']:.0%})"
        for one in document["differences"]
        if one["larger_than_noise"] and one["figure"] in wanted
    ]
    if document["differences"]:
        rounds = document["conditions"]["rounds"]
        none = f"no difference between targets is larger than the noise of {rounds} rounds"
        return ["Larger than the noise (all rounds of one beyond all of the other):", *lines] if lines else [none]
    return []


def _times(one: dict[str, Any]) -> str:
    ratio = one["ratio"]
    if not ratio:
        return f"{one['values'][0]:.4g} and {one['values'][1]:.4g}"
    return f"{max(ratio, 1 / ratio):.2f} times"
