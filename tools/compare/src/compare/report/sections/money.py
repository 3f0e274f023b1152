"""What it costs a month: the main picture, the bills, idle, and the map of break-evens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from compare.cost.lines import LINES
from compare.cost.map import BreakEvenMap
from compare.cost.map_picture import draw
from compare.numbers import counted
from compare.pages import blocks
from compare.pages.markup import Markup, element
from compare.pages.palette import colours
from compare.pages.ranges import RangeRow, ranges
from compare.report.ledger import DOLLARS, shown
from compare.report.sections import curves

_CERTAINTY = {"clear": "clearly", "likely": "likely", "too close to call": "too close to call"}

_HOW_SURE = (
    "Clearly: the ranges of the two do not touch. Likely: a tenth cheaper or more in the low, the middle and the high "
    "bill."
)


def costs(document: Mapping[str, Any]) -> blocks.Section:
    """The picture of the decision."""
    cost, asked = document["cost"], document["asked"]
    drawing = blocks.fitted(
        lambda size: curves.picture(cost, asked, size), blocks.Size(960, 560), blocks.Size(blocks.PHONE.width, 460)
    )
    how = (
        f"{curves.note(asked)}. Both axes are logarithmic: a straight climb is a bill that grows with the connections. "
        "Rings are break-evens."
    )
    evens = [
        [
            f"{one['from']} → {one['to']}",
            f"{one['connections']:,.0f}",
            f"{one['low']:,.0f}-{one['high']:,.0f}",
            _yes(one),
        ]
        for one in cost["break_even"]
    ]
    headings = ["break-even", "connections", "range", "changes the cheapest"]
    found = blocks.table(headings, evens) if evens else blocks.lead("No two lines cross in this range.")
    return blocks.section(
        "costs",
        "What it costs a month",
        blocks.captioned("Dollars a month over open connections", how, "modelled", drawing),
        blocks.details("Every break-even, as numbers", found),
    )


def bills(document: Mapping[str, Any]) -> blocks.Section:
    """The total of each variant at each size, and their lines."""
    cost = document["cost"]
    panels = [blocks.grid(*(_panel(_connections(size), bill) for size, bill in cost["bills"].items()))]
    tables = [
        blocks.details(f"Line by line: {_connections(size)}, dollars a month", _lines(bill))
        for size, bill in cost["bills"].items()
    ]
    verdicts = [
        [_connections(size), one["cheapest"], one["next"], _CERTAINTY.get(one["certainty"], one["certainty"])]
        for size, one in cost.get("verdicts", {}).items()
    ]
    headings = ["at", "cheapest", "next", "how sure"]
    return blocks.section(
        "bills",
        "The bills",
        blocks.captioned(
            "Dollars a month, with the range of each bill", "A ring is the middle figure.", "modelled", panels[0]
        ),
        blocks.table(headings, verdicts, words=4) if verdicts else Markup(""),
        element("p", _HOW_SURE, class_="note"),
        *tables,
    )


def idle(document: Mapping[str, Any]) -> blocks.Section:
    """What it costs while nobody is there."""
    panels = [_panel("No messages, one silent connection", document["cost"]["idle"])]
    silent: dict[str, dict[str, Mapping[str, Any]]] = {}
    for key, one in document["figures"].items():
        match key.split("."):
            case ["cost", "silent", size, name]:
                ends = {"low": one.get("low", one["value"]), "high": one.get("high", one["value"])}
                silent.setdefault(size, {})[name] = {"total": one["value"], **ends}
    panels += [_panel(f"{int(size):,} connections that say nothing", bill) for size, bill in silent.items()]
    return blocks.section(
        "idle",
        "Idle",
        blocks.captioned(
            "Dollars a month while nobody says anything",
            "What has to run, or be paid, so that the first client can come.",
            "modelled",
            blocks.grid(*panels),
        ),
    )


def break_even_map(document: Mapping[str, Any]) -> blocks.Section:
    """Which is the cheapest, over connections and messages."""
    asked = document["asked"]
    note = ", ".join(
        (
            counted(asked["message_bytes"], "byte"),
            counted(asked["deliveries"], "delivery", "deliveries") + " a message",
            counted(asked["connection_minutes"], "minute") + " a connection",
        )
    )
    drawing = draw(
        msgspec.convert(document["cost"]["map"], BreakEvenMap),
        note,
        here="your workload" if asked["own"] else "this report",
    )
    how = (
        "Each colour is where that variant costs least; hatched, two ranges overlap. Beside the borders stands the "
        "largest line of the cheaper one's bill."
    )
    return blocks.section(
        "map",
        "Where the cheapest changes",
        blocks.captioned(
            "The cheapest variant over connections and messages a minute", how, "modelled", _scrolled(drawing)
        ),
    )


def _scrolled(drawing: Markup) -> Markup:
    return element("div", drawing, class_="scroll", tabindex="0")


def _panel(title: str, bill: Mapping[str, Any]) -> Markup:
    colour = colours(bill)
    rows = [
        RangeRow(name, _money(one), one["total"], one["low"], one["high"], colour[name]) for name, one in bill.items()
    ]
    return ranges(title, rows)


def _lines(bill: Mapping[str, Any]) -> Markup:
    found = {name: {line["name"]: line for line in one["lines"]} for name, one in bill.items()}
    rows: list[list[str]] = [
        [line, *(_amount(lines.get(line)) for lines in found.values())]
        for line in LINES
        if any(line in lines for lines in found.values())
    ]
    rows.append([element("b", "total"), *(element("b", _money(one)) for one in bill.values())])
    return blocks.table(["", *bill], rows)


def _amount(line: Mapping[str, Any] | None) -> str:
    return "" if line is None else _money({**line, "total": line["amount"]}).removeprefix("$")


def _money(one: Mapping[str, Any]) -> str:
    return shown({"value": one["total"], "low": one["low"], "high": one["high"], "unit": DOLLARS})


def _connections(size: str) -> str:
    return f"{int(size):,} connections"


def _yes(one: Mapping[str, Any]) -> str:
    return "yes" if one["changes_cheapest"] else ""
