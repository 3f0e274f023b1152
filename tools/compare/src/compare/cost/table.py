"""The comparison for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from compare.cost.bill import Bill
from compare.cost.breakeven import BreakEven
from compare.cost.comparison import Comparison
from compare.cost.lines import LINES
from compare.cost.money import dollars, middle, percent, span
from compare.cost.words import describe, over, side
from compare.variants import VARIANTS

_BAR: Final = 30  # cells
_OTHERS: Final = 3  # break-evens of pairs that do not change the cheapest


def show(comparison: Comparison, console: Console) -> None:
    """Print it, part by part."""
    for part in _parts(comparison):
        console.print(part)


def _parts(comparison: Comparison) -> Iterator[RenderableType]:
    yield Text(describe(comparison.workload))
    yield Text("Dollars a month, us-east-1, on demand; a range where figures are uncertain.", "dim")
    yield Text()
    yield _bills(comparison)
    yield Text()
    yield _chart(comparison)
    yield Text()
    yield Text(comparison.sentence, "bold")
    yield Text()
    yield from _break_evens(comparison)
    yield Text()
    exceeded = list(over(comparison))
    yield Text("Over default quotas:" if exceeded else "Within every default quota, at the mean rate.")
    for names, line in exceeded:
        yield _item(f"{names}: {line}")


def _bills(comparison: Comparison) -> Table:
    table = Table(box=None, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in comparison.bills:
        table.add_column(
            name, justify="right", no_wrap=True, header_style=f"bold {VARIANTS[name].terminal}", min_width=13
        )
    bills = comparison.bills.values()
    for line in LINES:
        table.add_row(line, *(span(bill.lines[line]) if line in bill.lines else "" for bill in bills))
    table.add_section()
    table.add_row("total", *(dollars(bill.total) for bill in bills), style="bold")
    table.add_row("middle figure", *("$" + middle(bill.total) for bill in bills))
    return table


def _chart(comparison: Comparison) -> Table:
    """A bar a variant: full to the least of its three totals, shaded to the greatest."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    most = max(bill.total.greatest for bill in comparison.bills.values())
    for name, bill in sorted(comparison.bills.items(), key=lambda item: item[1].total.value):
        table.add_row(name, _bar(bill, most, VARIANTS[name].terminal), f"most: {bill.dominant}", percent(_share(bill)))
    return table


def _bar(bill: Bill, most: Decimal, colour: str) -> Text:
    full, end = (int(amount * _BAR / most) if most else 0 for amount in (bill.total.least, bill.total.greatest))
    full = max(full, 1)
    bar = Text()
    bar.append("█" * full, colour)
    bar.append("░" * (end - full), colour)
    return bar


def _share(bill: Bill) -> Decimal:
    total = bill.total.value
    return bill.lines[bill.dominant].value / total if total else Decimal(0)


def _break_evens(comparison: Comparison) -> Iterator[RenderableType]:
    shown = nearest(comparison)
    if not any(one.overall for one in shown):
        yield Text("At this message rate the cheapest is the same from 10 to 10,000,000 connections.")
    if not shown:
        return
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="")
    table.add_column("break-even", justify="right", no_wrap=True)
    for heading in ("cheaper below, and its largest line", "cheaper from there"):
        table.add_column(heading, no_wrap=True)
    for one in shown:
        style = "bold" if one.overall else "dim"
        table.add_row(f"{one.connections:,f}", side(one.below), side(one.above), style=style)
    yield table


def nearest(comparison: Comparison) -> list[BreakEven]:
    """Every place where the cheapest changes, and of the other pairs those nearest to the workload."""
    changes = [one for one in comparison.break_evens if one.overall]
    others = sorted(
        (one for one in comparison.break_evens if not one.overall),
        key=lambda one: abs((one.connections / comparison.workload.connections).ln()),
    )
    return sorted(changes + others[:_OTHERS], key=lambda one: one.connections)


def _item(text: str) -> Padding:
    return Padding(Text(text), (0, 0, 0, 2))
