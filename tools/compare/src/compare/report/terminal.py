"""Reports on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from compare.numbers import number
from compare.report.ledger import text

_WIDTH: Final = 100


def _console() -> Console:
    return Console(width=_WIDTH, highlight=False, markup=False, emoji=False)


def show(found: Mapping[str, Any]) -> None:
    """The verdict on a terminal."""
    console = _console()
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


def show_pair(found: Mapping[str, Any]) -> None:
    """What two runs or reports differ in by more than noise; the rest is in the JSON and on the page."""
    console = _console()
    first, second = found["names"]
    real = [one for one in found["measured"] if one["larger_than_noise"]]
    console.print(f"{len(real)} of {len(found['measured'])} figures differ by more than their rounds do.\n")
    if real:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for index, heading in enumerate(("target", "figure", first, second, "ratio", "better")):
            table.add_column(heading, justify="right" if 2 <= index <= 4 else "left", overflow="fold")
        for one in real:
            ratio = "" if one["ratio"] is None else f"{one['ratio']:.3g}"
            values = map(number, one["values"])
            table.add_row(f"{one['scenario']} {one['target']}", one["figure"], *values, ratio, str(one["better"] or ""))
        console.print(table)
    for name, missing in zip(found["names"], found["only"], strict=True):
        if missing:
            console.print(f"Only in {name}: {', '.join(missing)}.", soft_wrap=True)
    apart = [one for one in found["modelled"] if one["larger_than_range"]]
    if found["modelled"]:
        console.print(f"{len(apart)} of {len(found['modelled'])} modelled figures have ranges that are apart.")
    for one in apart:
        old, new = map(number, one["values"])
        console.print(f"{one['figure']}: {old}, then {new} {one['unit']}", soft_wrap=True)
