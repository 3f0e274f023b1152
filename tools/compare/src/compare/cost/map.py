"""Where each variant is the cheapest, over connections and messages a minute."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import cached_property
from itertools import combinations, groupby, pairwise
from typing import Final

from compare.cost.bill import ARITHMETIC, Amount, largest, unrounded
from compare.cost.breakeven import Side
from compare.cost.lines import Lines
from compare.cost.ranking import Certainty, certainty
from compare.cost.rows import Case, Rates, Rows
from compare.cost.workload import Workload
from compare.variants import VARIANTS

GRID: Final = (97, 61)  # columns, and rows with messages; one more is for none at all
_HALVINGS: Final = 6  # of the distance between two columns, to find where something changes

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Exponents:
    """A logarithmic axis: its ends, in powers of ten."""

    low: int
    high: int

    def values(self, count: int) -> list[float]:
        """Evenly spaced exponents, both ends included."""
        return [self.low + (self.high - self.low) * place / (count - 1) for place in range(count)]

    def clamped(self, exponent: float) -> float:
        return min(max(exponent, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a row, in exponents of the connections, over which `label` holds."""

    label: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Border:
    """A place in a row where the cheapest changes."""

    at: float
    left: Side
    right: Side


@dataclass(frozen=True, slots=True)
class MapRow:
    """The map at one message rate."""

    rate: float | None  # exponent of messages a minute; None for none at all
    cheapest: list[Span]
    certainty: list[Span]
    crossings: dict[str, list[float]]  # where a pair, `one|other`, breaks even, whoever else is cheaper
    borders: list[Border]


@dataclass(frozen=True, slots=True)
class BreakEvenMap:
    workload: Workload
    connections: Exponents
    rates: Exponents
    silent: MapRow
    rows: list[MapRow]  # by rising rate


def break_even_map(workload: Workload, rows: Rows, grid: tuple[int, int] = GRID) -> BreakEvenMap:
    """Ten to ten million connections, a hundredth to a thousand messages a minute; wider if the workload is."""
    with localcontext(ARITHMETIC):
        across = _axis(1, 7, workload.connections)
        up = _axis(-2, 3, workload.rate)
        rates = rows.in_cases(free_tier=workload.free_tier)
        columns, count = grid
        steps = across.values(columns)

        def row(rate: float | None) -> MapRow:
            messages = Decimal(0) if rate is None else Decimal(repr(10**rate))
            return _row(rate, _Line(replace(workload, rate=messages), rates), steps)

        return BreakEvenMap(workload, across, up, row(None), [row(rate) for rate in up.values(count)])


def _axis(low: int, high: int, value: Decimal) -> Exponents:
    if value <= 0:
        return Exponents(low, high)
    exponent = math.log10(max(value, Decimal("1e-6")))
    return Exponents(min(low, math.floor(exponent)), max(high, math.ceil(exponent)))


class _Point:
    """The bills at one place of the map. The two dear variants need no ranges."""

    def __init__(self, workload: Workload, rates: dict[Case, Rates]) -> None:
        self._workload = workload
        self._rates = rates
        self.lines = {name: unrounded(name, workload, rates["value"]) for name in VARIANTS}
        self.totals = {name: _sum(lines) for name, lines in self.lines.items()}
        self.order = sorted(VARIANTS, key=self.totals.__getitem__)

    @property
    def cheapest(self) -> str:
        return self.order[0]

    @cached_property
    def certainty(self) -> Certainty:
        return certainty(self._amount(self.order[0]), self._amount(self.order[1]))

    def cheaper(self, pair: Pair) -> str:
        return min(pair, key=self.totals.__getitem__)

    def side(self) -> Side:
        lines = self.lines[self.cheapest]
        dominant = largest(lines)
        return Side(self.cheapest, dominant, lines[dominant] / self.totals[self.cheapest])

    def _amount(self, name: str) -> Amount:
        others: tuple[Case, Case] = ("low", "high")
        cases = {case: _sum(unrounded(name, self._workload, self._rates[case])) for case in others}
        return Amount(cases | {"value": self.totals[name]})


class _Line:
    """The points of one row, each worked out once."""

    def __init__(self, workload: Workload, rates: dict[Case, Rates]) -> None:
        self._workload = workload
        self._rates = rates
        self._points: dict[Decimal, _Point] = {}

    def at(self, exponent: float) -> _Point:
        connections = Decimal(round(10**exponent))
        if connections not in self._points:
            self._points[connections] = _Point(self._workload.at(connections), self._rates)
        return self._points[connections]

    def changes(self, steps: list[float], label: Callable[[_Point], str]) -> Iterator[tuple[float, float]]:
        """The places next to each other, within what a picture shows, between which the label changes."""
        for low, high in pairwise(steps):
            before = label(self.at(low))
            if before != label(self.at(high)):
                left, right = low, high
                for _ in range(_HALVINGS):
                    middle = (left + right) / 2
                    left, right = (middle, right) if label(self.at(middle)) == before else (left, middle)
                yield left, right


def _row(rate: float | None, line: _Line, steps: list[float]) -> MapRow:
    pairs = {
        "|".join(pair): [right for _, right in line.changes(steps, _cheaper(pair))]
        for pair in combinations(VARIANTS, 2)
    }
    return MapRow(
        rate,
        _spans(line, steps, lambda point: point.cheapest),
        _spans(line, steps, lambda point: point.certainty),
        pairs,
        [
            Border(right, line.at(left).side(), line.at(right).side())
            for left, right in line.changes(steps, lambda point: point.cheapest)
        ],
    )


def _cheaper(pair: Pair) -> Callable[[_Point], str]:
    return lambda point: point.cheaper(pair)


def _spans(line: _Line, steps: list[float], label: Callable[[_Point], str]) -> list[Span]:
    edges = [steps[0], *(right for _, right in line.changes(steps, label)), steps[-1]]
    labels = [name for name, _ in groupby(label(line.at(step)) for step in steps)]
    return [Span(name, start, end) for name, (start, end) in zip(labels, pairwise(edges), strict=True)]


def _sum(lines: Lines) -> Decimal:
    return sum(lines.values(), Decimal(0))
