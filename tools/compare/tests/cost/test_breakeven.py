"""Break-evens: where they are, and what dominates beside them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings

from compare.cost import rows
from compare.cost.bill import unrounded
from compare.cost.breakeven import break_evens
from compare.cost.workload import Workload
from compare.variants import VARIANTS

from .model import prices
from .strategies import WORKLOADS

FIGURES = rows.shipped()


def totals(workload: Workload, connections: Decimal) -> dict[str, Decimal]:
    rates = FIGURES.in_case("value", free_tier=workload.free_tier)
    return {name: sum(unrounded(name, workload.at(connections), rates).values(), Decimal(0)) for name in VARIANTS}


@settings(max_examples=20)
@given(WORKLOADS)
def test_a_pair_changes_places_between_one_connection_less_and_the_break_even(workload: Workload) -> None:
    for one in break_evens(workload, FIGURES):
        before, after = totals(workload, one.connections - 1), totals(workload, one.connections)
        assert before[one.below.variant] <= before[one.above.variant]
        assert after[one.above.variant] <= after[one.below.variant]
        cheapest = min(before, key=before.__getitem__), min(after, key=after.__getitem__)
        assert one.overall == (cheapest == (one.below.variant, one.above.variant))
        assert 0 < one.below.share <= 1
        assert 0 < one.above.share <= 1


def test_each_side_names_the_largest_line_of_the_cheaper_bill() -> None:
    workload = Workload(Decimal(1), Decimal(1))
    (change,) = [one for one in break_evens(workload, FIGURES) if one.overall]
    assert (change.below.variant, change.below.dominant) == ("lambda", "api.messages")
    assert (change.above.variant, change.above.dominant) == ("sockets", "eks.nodes")


def test_the_search_does_not_depend_on_the_workloads_own_connections() -> None:
    workload = Workload(Decimal(5), Decimal(10))
    assert break_evens(workload, FIGURES) == break_evens(replace(workload, connections=Decimal(10**8)), FIGURES)


def test_without_a_crossing_there_is_no_break_even(tmp_path: Path) -> None:
    free = prices(
        tmp_path, {"api.message": {"value": 0}, "api.connection_minute": {"value": 0}, "eks.cluster": {"value": 10**6}}
    )
    found = break_evens(Workload(Decimal(10), Decimal(0)), free)
    pairs = {frozenset((one.below.variant, one.above.variant)) for one in found}
    assert pairs.isdisjoint({frozenset(("lambda", "sockets")), frozenset(("ecs", "sockets"))})
