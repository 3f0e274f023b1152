"""Two documents side by side: what differs, by how much, and whether it is more than noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from compare.numbers import number
from compare.pages import blocks
from compare.pages.markup import Markup, element
from compare.pages.ranges import RangeRow, ranges
from compare.report.sections.latency import mainly

_COLOURS: Final = (2, 0)
#: Drawn; all else stands in tables.
_DRAWN: Final = {
    "backend.cpu_us_a_message": "Backend: µs of CPU a message",
    "backend.kib_a_socket": "Backend: KiB a connection",
    "backend.mib": "Backend: MiB",
}


def changes(found: Mapping[str, Any]) -> blocks.Section:
    """What is larger than the noise."""
    rows = [_cells(one) for one in found["measured"] if one["larger_than_noise"]]
    words = f"{len(rows)} of {len(found['measured'])} figures that both measured differ by more than their rounds do."
    headings = ["run", "target", "figure", *found["names"], "ratio", "better", "chance alone"]
    only = [
        element("p", f"Only in {name}: {', '.join(missing)}.", class_="note")
        for name, missing in zip(found["names"], found["only"], strict=True)
        if missing
    ]
    return blocks.section(
        "changes",
        "Larger than the noise",
        blocks.lead(words, " The ratio is the second by the first."),
        blocks.table(headings, rows, words=3) if rows else Markup(""),
        *only,
    )


def measured(found: Mapping[str, Any]) -> blocks.Section:
    """Every figure that both measured, run by run."""
    parts: list[Markup] = []
    names = found["names"]
    headings = ["figure", *names, "ratio", "better", "larger than the noise"]
    for (kind, target), group in groupby(found["measured"], key=lambda one: (one["scenario"], one["target"])):
        ones = list(group)
        drawn = [_panel(title, names, one) for key, title in _DRAWN.items() for one in ones if one["figure"] == key]
        drawn += [
            _panel(_latency(one["figure"]), names, one)
            for one in ones
            if one["figure"].startswith(f"latency.{mainly(kind)}.corrected.p")
            and one["figure"].endswith((".p50_ms", ".p99_ms"))
        ]
        rows: list[list[str]] = [
            [element("code", one["figure"]), *_values(one), _ratio(one), str(one["better"] or ""), _noise(one)]
            for one in ones
        ]
        parts += [
            element("h3", f"{kind}: {target}"),
            blocks.grid(*drawn),
            blocks.details(f"All {len(rows)} figures of {kind}: {target}", blocks.table(headings, rows)),
        ]
    return blocks.section("measured", "Measured", *(parts or [blocks.lead("Nothing that both measured.")]))


def modelled(found: Mapping[str, Any]) -> blocks.Section:
    """The modelled and assumed figures that are not the same in both."""
    rows: list[list[str]] = [
        [
            element("code", one["figure"]),
            *_values(one),
            _ratio(one),
            element("b", "yes") if one["larger_than_range"] else "no",
            one["unit"],
        ]
        for one in found["modelled"]
    ]
    headings = ["figure", *found["names"], "ratio", "ranges apart", "unit"]
    return blocks.section(
        "modelled",
        "Modelled and assumed",
        blocks.table(headings, rows, style="prose") if rows else blocks.lead("None that both have and that differ."),
    )


def _latency(key: str) -> str:
    """`latency.echo.corrected.p50_ms` is `echo p50, ms`."""
    _, name, _, percentile = key.split(".", 3)
    return f"{name} {percentile.removesuffix('_ms')}, ms"


def _cells(one: Mapping[str, Any]) -> list[str]:
    return [
        one["scenario"],
        one["target"],
        element("code", one["figure"]),
        *_values(one),
        _ratio(one),
        str(one["better"] or ""),
        "" if one["chance"] is None else f"{one['chance']:.0%}",
    ]


def _values(one: Mapping[str, Any]) -> list[str]:
    ends = zip(one["values"], one["lows"], one["highs"], strict=True)
    return [blocks.with_range(value, low, high) for value, low, high in ends]


def _ratio(one: Mapping[str, Any]) -> str:
    return "" if one["ratio"] is None else f"{one['ratio']:.3g}"


def _noise(one: Mapping[str, Any]) -> str:
    return element("b", "yes") if one["larger_than_noise"] else "no"


def _panel(title: str, names: Sequence[str], one: Mapping[str, Any]) -> Markup:
    rows = [
        RangeRow(name, number(value), value, low, high, colour)
        for name, value, low, high, colour in zip(
            names, one["values"], one["lows"], one["highs"], _COLOURS, strict=True
        )
    ]
    words = "Larger than the noise" if one["larger_than_noise"] else "Not larger than the noise"
    ratio = "" if one["ratio"] is None else f", ratio {one['ratio']:.3g}"
    return element("div", ranges(title, rows), element("p", words, ratio, ".", class_="note"))
