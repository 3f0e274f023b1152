"""What a report says of money: bills, curves, break-evens, and what would change which variant is the cheapest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import cached_property
from itertools import combinations
from typing import Any, Final

import msgspec

from compare.cost.bill import ARITHMETIC, Amount, Bill, bills, unrounded
from compare.cost.breakeven import Curves
from compare.cost.comparison import Comparison, compare
from compare.cost.rows import CASES, Case, Row, Rows, Tier
from compare.cost.workload import Workload
from compare.report.load_sizes import LoadSizes
from compare.variants import VARIANTS

CURVE: Final = [round(10 ** (1 + place / 10)) for place in range(61)]  # connections, ten a decade
_RATES: Final = [Decimal(repr(10 ** (-2 + place / 12))) for place in range(61)]  # messages a minute
_HALVINGS: Final = 20
# Which price most of a line is.
_PRICES: Final = {
    "api.messages": "api.message",
    "api.connection_minutes": "api.connection_minute",
    "lambda.requests": "lambda.request",
    "lambda.duration": "lambda.gb_second",
    "dynamodb.requests": "dynamodb.write_unit",
    "logs": "logs.ingested",
    "eks.control_plane": "eks.cluster",
    "eks.nodes": "node.hour",
    "fargate": "fargate.vcpu",
    "nlb.hours": "nlb.hour",
    "nlb.units": "nlb.unit",
    "nat.hours": "nat.hour",
    "egress": "egress.gb",
}


@dataclass(frozen=True, slots=True)
class Flip:
    """A figure at which another variant becomes the cheapest. Of a price of tiers it is the first tier's."""

    key: str
    value: Decimal
    now: Decimal
    unit: str
    cheapest: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """From `connections` on `to` costs less than `start`; low and high are those of the three bills."""

    start: str
    to: str
    connections: int
    low: int
    high: int
    changes_cheapest: bool


class Costs:
    """All bills of a report, each worked out once. Raises CompareError when the rows contradict each other."""

    def __init__(self, sizes: LoadSizes, rows: Rows) -> None:
        self.sizes, self.rows = sizes, rows
        self.of: dict[int, Comparison] = {size: compare(sizes.at(size), rows) for size in sizes.connections}

    @cached_property
    def idle(self) -> dict[str, Bill]:
        """What it costs to be there: one connection that says nothing."""
        return bills(replace(self.sizes.at(1), rate=Decimal(0)), self.rows)

    @cached_property
    def silent(self) -> dict[int, dict[str, Bill]]:
        """The sizes that were sizes for, without a message."""
        return {
            size: bills(replace(self.sizes.at(size), rate=Decimal(0)), self.rows) for size in self.sizes.connections
        }

    @cached_property
    def crossings(self) -> list[Crossing]:
        """Every break-even, by its connections."""
        with localcontext(ARITHMETIC):
            rates = self.rows.in_cases(free_tier=self.sizes.workload.free_tier)
            curves = {case: Curves(self.sizes.workload, rates[case]) for case in CASES}
            found = []
            for pair in combinations(VARIANTS, 2):
                others = [place for case in CASES for place in curves[case].crossings(pair)]
                for place in curves["value"].crossings(pair):
                    even = curves["value"].describe(pair, place)
                    # A pair that crosses twice has two in each bill: those near this one are its own.
                    near = [other for other in others if place / 10 <= other <= place * 10]
                    ends = int(min(near)), int(max(near))
                    found.append(Crossing(even.below.variant, even.above.variant, int(place), *ends, even.overall))
        return sorted(found, key=lambda one: one.connections)

    def rate_flips(self, size: int) -> list[tuple[str, Flip]]:
        """The next message rates above and below at which another variant is the cheapest: ("above", …)."""
        workload = self.sizes.at(size)
        first = self._cheapest(self.rows, workload)

        def at(rate: Decimal) -> str:
            return self._cheapest(self.rows, replace(workload, rate=rate))

        found = []
        for side, rates in (
            ("above", [rate for rate in _RATES if rate > workload.rate]),
            ("below", [rate for rate in reversed(_RATES) if rate < workload.rate]),
        ):
            before = workload.rate
            for rate in rates:
                if at(rate) != first:
                    place = _bisected(before, rate, lambda middle: at(middle) == first)
                    flip = Flip("messages_per_minute", place, workload.rate, "messages a minute", at(place))
                    found.append((side, flip))
                    break
                before = rate
        return found

    def input_flips(self, size: int) -> list[Flip]:
        """The rows with a range that alone, at one of its ends, make another variant the cheapest."""
        workload = self.sizes.at(size)
        first = self._cheapest(self.rows, workload)
        found = []
        for key, row in self.rows.by_key.items():
            for end in (row.low, row.high):
                if end is None or row.value is None or end == row.value:
                    continue
                name = self._cheapest(self.rows.replaced({key: certain(row, end)}), workload)
                if name != first:
                    found.append(Flip(key, end, row.value, row.unit, name))
        return found

    def price_flip(self, size: int) -> Flip | None:
        """What the largest line of the cheapest, or of the next, would have to be priced at for that to change.

        Looked for from a hundredth to a hundred times the price.
        """
        workload, ranking = self.sizes.at(size), self.of[size].ranking
        found = [
            flip
            for name, factors in (
                (ranking.cheapest, (Decimal(1), Decimal(100))),
                (ranking.next, (Decimal(1), Decimal("0.01"))),
            )
            if (flip := self._priced(workload, self.of[size].bills[name].dominant, *factors)) is not None
        ]
        return min(found, key=lambda flip: abs((flip.value / flip.now).ln()), default=None)

    def _priced(self, workload: Workload, line: str, near: Decimal, far: Decimal) -> Flip | None:
        if (key := _PRICES.get(line)) is None:
            return None
        row, first = self.rows.by_key[key], self._cheapest(self.rows, workload)

        def at(factor: Decimal) -> str:
            return self._cheapest(self.rows.replaced({key: _scaled(row, factor)}), workload)

        if not _price(row) or at(far) == first:
            return None
        factor = _bisected(near, far, lambda middle: at(middle) == first)
        unit = f"$ for {row.per:,f} of: {row.unit}" if row.per != 1 else f"$ a {row.unit}"
        return Flip(key, _price(row) * factor, _price(row), unit, at(factor))

    def _cheapest(self, rows: Rows, workload: Workload) -> str:
        with localcontext(ARITHMETIC):
            rates = rows.in_case("value", free_tier=workload.free_tier)
            return min(VARIANTS, key=lambda name: sum(unrounded(name, workload, rates).values(), Decimal(0)))

    def document(self) -> dict[str, Any]:
        """The `cost` section, without the map."""
        return {
            "bills": {
                str(size): {name: _bill(bill) for name, bill in one.bills.items()} for size, one in self.of.items()
            },
            "verdicts": {
                str(size): {
                    "cheapest": one.ranking.cheapest,
                    "next": one.ranking.next,
                    "certainty": one.ranking.certainty,
                }
                for size, one in self.of.items()
            },
            "idle": {name: _amount(bill.total) for name, bill in self.idle.items()},
            "curves": self._curves(),
            "break_even": [
                {
                    "from": one.start,
                    "to": one.to,
                    "connections": one.connections,
                    "low": one.low,
                    "high": one.high,
                    "changes_cheapest": one.changes_cheapest,
                }
                for one in self.crossings
            ],
        }

    def _curves(self) -> dict[str, Any]:
        workload = self.sizes.workload
        found: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in VARIANTS} for kind in _KINDS}
        with localcontext(ARITHMETIC):
            rates = self.rows.in_cases(free_tier=workload.free_tier)
            for size in CURVE:
                for name in VARIANTS:
                    cases: Mapping[Case, Decimal] = {
                        case: sum(unrounded(name, workload.at(Decimal(size)), rates[case]).values(), Decimal(0))
                        for case in CASES
                    }
                    amount = Amount(cases)
                    for kind, read in _KINDS.items():
                        found[kind][name].append(_cents(read(amount)))
        return {"messages_per_minute": float(workload.rate), "connections": CURVE, **found}


_KINDS: Final[dict[str, Callable[[Amount], Decimal]]] = {
    "totals": lambda amount: amount.value,
    "lows": lambda amount: amount.least,
    "highs": lambda amount: amount.greatest,
}


def certain(row: Row, value: Decimal) -> Row:
    """The row with one certain value."""
    return msgspec.structs.replace(row, value=value, low=None, high=None)


def _scaled(row: Row, factor: Decimal) -> Row:
    if row.tiers:
        return msgspec.structs.replace(row, tiers=tuple(Tier(tier.value * factor, tier.up_to) for tier in row.tiers))
    return certain(row, row.in_case("value") * factor)


def _price(row: Row) -> Decimal:
    """The price, or the first tier's that is not free."""
    if row.tiers:
        return next((tier.value for tier in row.tiers if tier.value), Decimal(0))
    return row.in_case("value")


def _bisected(near: Decimal, far: Decimal, is_near: Callable[[Decimal], bool]) -> Decimal:
    """A place just beyond where it stops to hold, between one where it does and one where it does not."""
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (middle, far) if is_near(middle) else (near, middle)
    return far


def _bill(bill: Bill) -> dict[str, Any]:
    lines = [
        {"name": name, "amount": _cents(amount.value), "low": _cents(amount.least), "high": _cents(amount.greatest)}
        for name, amount in bill.lines.items()
    ]
    return {**_amount(bill.total), "lines": lines}


def _amount(amount: Amount) -> dict[str, float]:
    return {"total": _cents(amount.value), "low": _cents(amount.least), "high": _cents(amount.greatest)}


def _cents(amount: Decimal) -> float:
    return round(float(amount), 2)
