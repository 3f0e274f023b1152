"""Over how many connections another variant is cheaper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import combinations, pairwise
from typing import Final

from compare.cost.bill import ARITHMETIC, largest, unrounded
from compare.cost.lines import Lines
from compare.cost.rows import Rates, Rows
from compare.cost.workload import Workload
from compare.variants import VARIANTS

# Ten to ten million, twenty a decade. Two break-evens of a pair between neighbours are not found.
GRID: Final = [Decimal(round(10 * 10 ** (step / 20))) for step in range(121)]


@dataclass(frozen=True, slots=True)
class Side:
    """The cheaper one of a pair on one side of their break-even, and the line that most of its bill is."""

    variant: str
    dominant: str
    share: Decimal  # of its bill


@dataclass(frozen=True, slots=True)
class BreakEven:
    """`below` is cheaper up to one connection less, `above` from `connections` on."""

    connections: Decimal
    below: Side
    above: Side
    overall: bool  # the two are the cheapest of all there


def break_evens(workload: Workload, rows: Rows) -> list[BreakEven]:
    """Those of every pair at the workload's message rate, by their connections."""
    with localcontext(ARITHMETIC):
        curves = Curves(workload, rows.in_case("value", free_tier=workload.free_tier))
        found = [curves.describe(pair, place) for pair in combinations(VARIANTS, 2) for place in curves.crossings(pair)]
    return sorted(found, key=lambda one: one.connections)


class Curves:
    """Each variant's bill over the connections, worked out where it is asked for."""

    def __init__(self, workload: Workload, rates: Rates) -> None:
        self._workload = workload
        self._rates = rates
        self._totals: dict[tuple[str, Decimal], Decimal] = {}

    def crossings(self, pair: tuple[str, str]) -> Iterator[Decimal]:
        """The least connections from which on the other one of a pair is cheaper, rising."""
        for low, high in pairwise(GRID):
            if self._sign(pair, low) != self._sign(pair, high):
                yield self._bisected(pair, low, high)

    def describe(self, pair: tuple[str, str], connections: Decimal) -> BreakEven:
        before = connections - 1
        below, above = (self._side(self._cheapest(pair, place), place) for place in (before, connections))
        best = [self._cheapest(VARIANTS, place) for place in (before, connections)]
        return BreakEven(connections, below, above, overall=best == [below.variant, above.variant])

    def _cheapest(self, names: Iterable[str], connections: Decimal) -> str:
        return min(names, key=lambda name: self._total(name, connections))

    def _bisected(self, pair: tuple[str, str], low: Decimal, high: Decimal) -> Decimal:
        sign = self._sign(pair, low)
        while high - low > 1:
            middle = (low + high) // 2
            if self._sign(pair, middle) == sign:
                low = middle
            else:
                high = middle
        return high

    def _sign(self, pair: tuple[str, str], connections: Decimal) -> int:
        first, second = (self._total(name, connections) for name in pair)
        return (first > second) - (first < second)

    def _total(self, variant: str, connections: Decimal) -> Decimal:
        key = variant, connections
        if key not in self._totals:
            self._totals[key] = sum(self._lines(variant, connections).values(), Decimal(0))
        return self._totals[key]

    def _lines(self, variant: str, connections: Decimal) -> Lines:
        return unrounded(variant, self._workload.at(connections), self._rates)

    def _side(self, variant: str, connections: Decimal) -> Side:
        lines = self._lines(variant, connections)
        dominant = largest(lines)
        return Side(variant, dominant, lines[dominant] / self._total(variant, connections))
