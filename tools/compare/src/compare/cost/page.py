"""The comparison as one HTML page: the map, the bills, and where every figure comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from compare.cost.comparison import Comparison
from compare.cost.lines import LINES
from compare.cost.map import BreakEvenMap
from compare.cost.map_picture import draw
from compare.cost.money import dollars, middle, span
from compare.cost.rows import CASES, Row
from compare.cost.words import besides, describe, over, side
from compare.pages import html
from compare.pages.markup import Markup, element

_STYLE: Final = """
body{max-width:62rem}
table{width:100%;font-size:.875rem}
td,th{vertical-align:top}
.words td,.words th{text-align:left}
.bills td{white-space:nowrap}
.bills tr:nth-last-child(-n+2) td{font-weight:700}
svg{display:block;width:100%;height:auto}
"""
_MAP: Final = (
    "Which variant costs least over open connections and the messages that each sends a minute, the rest of the "
    "workload as above. Beside the lines stands the largest line of the cheaper variant's bill, with its share."
)
_CONFIDENCE: Final = (
    "A: from AWS, or counted in this code. B: fixtures made from AWS's price list, or measured here. "
    "C: third parties, measured elsewhere, or chosen. Unconfirmed: published or likely, not seen again."
)


def page(comparison: Comparison, chart: BreakEvenMap) -> str:
    """The whole file."""
    return html.page(comparison.sentence, "\n".join(_body(comparison, chart)), style=_STYLE)


def _body(comparison: Comparison, chart: BreakEvenMap) -> Iterator[str]:
    yield element("p", f"For {describe(comparison.workload)}. us-east-1, on demand, without tax.")
    yield draw(chart, _note(comparison))
    yield element("p", _MAP)
    yield element("h2", "The bills, in dollars a month")
    yield _bills(comparison)
    yield element("h2", "Break-evens at this message rate")
    yield _break_evens(comparison)
    yield element("h2", "Default quotas")
    yield _quotas(comparison)
    yield element("h2", "Where the figures come from")
    yield element("p", _CONFIDENCE)
    yield _sources(comparison)


def _note(comparison: Comparison) -> str:
    prices = "prices of your own" if comparison.rows.changed else "on demand"
    return f"{besides(comparison.workload)}; us-east-1, {prices}"


def _bills(comparison: Comparison) -> str:
    bills = comparison.bills.values()
    rows = [[line, *(span(bill.lines[line]) if line in bill.lines else "" for bill in bills)] for line in LINES]
    rows.append(["total", *(dollars(bill.total) for bill in bills)])
    rows.append(["middle figure", *("$" + middle(bill.total) for bill in bills)])
    return element("div", Markup(html.table(["", *comparison.bills], rows)), class_="bills")


def _break_evens(comparison: Comparison) -> str:
    if not comparison.break_evens:
        return element("p", "None between 10 and 10,000,000 connections.")
    rows = [
        [f"{one.connections:,f}", side(one.below), side(one.above), "yes" if one.overall else ""]
        for one in comparison.break_evens
    ]
    return _words(["connections", "cheaper below", "cheaper from there", "changes the cheapest of all"], rows)


def _quotas(comparison: Comparison) -> str:
    exceeded = list(over(comparison))
    if not exceeded:
        return element("p", "Within every one, at the mean rate. Peaks and reconnect storms need more.")
    return _words(["variants", "needed at the mean rate; peaks need more"], exceeded)


def _sources(comparison: Comparison) -> str:
    changed = comparison.rows.changed
    rows = [
        [key, _figure(row), row.unit, "your file" if key in changed else row.source, row.as_of, row.confidence]
        for key, row in comparison.rows.by_key.items()
    ]
    return _words(["row", "figure", "unit", "source", "as of", "confidence"], rows)


def _words(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text, all of it on the left."""
    return element("div", Markup(html.table(headings, rows)), class_="words")


def _figure(row: Row) -> str:
    per = f" per {row.per:,f}" if row.per != 1 else ""
    if row.tiers:
        tiers = [f"{t.value:f} {'beyond' if t.up_to is None else f'up to {t.up_to:,f}'}" for t in row.tiers]
        return "; ".join(tiers) + per
    low, value, high = (row.in_case(case) for case in CASES)
    known = "" if low == value == high else f" (low {low:f}, high {high:f})"
    return f"{value:f}{known}{per}"
