"""The code against docs/cost-model.md: bills worked out by hand, and the rough break-evens."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from compare.cost import rows, workload
from compare.cost.breakeven import break_evens
from compare.cost.comparison import Comparison, compare
from compare.cost.lines import LINES
from compare.variants import VARIANTS

from .model import Case, cases, lines_of_the_table, rough_break_evens


@pytest.fixture(params=range(12), ids=lambda place: f"workload {place + 1}")
def case(request: pytest.FixtureRequest) -> Case:
    place: int = request.param
    return cases()[place]


@pytest.fixture
def comparison(case: Case, tmp_path: Path) -> Comparison:
    return compare(case.workload, case.figures(tmp_path))


def test_the_page_holds_twelve_workloads_with_every_variant() -> None:
    assert [case.number for case in cases()] == list(range(1, 13))
    assert all(set(case.lines) == set(VARIANTS) for case in cases())


def test_every_line_is_the_one_worked_out_by_hand(case: Case, comparison: Comparison) -> None:
    priced = {
        name: {line: amount.value for line, amount in bill.lines.items()} for name, bill in comparison.bills.items()
    }
    assert priced == case.lines


def test_totals_and_their_ranges_are_those_worked_out_by_hand(case: Case, comparison: Comparison) -> None:
    totals = {name: bill.total for name, bill in comparison.bills.items()}
    assert case.totals == {
        "total": {name: total.value for name, total in totals.items()},
        "low": {name: total.least for name, total in totals.items()},
        "high": {name: total.greatest for name, total in totals.items()},
    }


def test_the_verdict_is_the_one_worked_out_by_hand(case: Case, comparison: Comparison) -> None:
    found = comparison.ranking
    assert (found.cheapest, found.certainty, found.next) == case.verdict


def test_exceeded_quotas_are_those_worked_out_by_hand(case: Case, comparison: Comparison) -> None:
    exceeded = {
        (name, quota.key): quota.factor.quantize(Decimal("0.01"), ROUND_HALF_UP)
        for name, held in comparison.quotas.items()
        for quota in held
        if quota.exceeded
    }
    assert exceeded == case.exceeded


def test_the_page_lists_the_lines_that_bills_have() -> None:
    listed = lines_of_the_table()
    assert set(LINES) == {line for line, _ in listed}
    for name, variant in VARIANTS.items():
        told = {
            line for line, who in listed if f"`{name}`" in who or who == "all" or (who == "gateway" and variant.gateway)
        }
        assert told == set(cases()[0].lines[name])


@pytest.mark.parametrize("rate", dict.fromkeys(rate for rate, _, _ in rough_break_evens()))
def test_break_evens_are_those_of_the_rough_table(rate: str) -> None:
    found = break_evens(workload.read("1", rate), rows.shipped())
    at = {frozenset({one.below.variant, one.above.variant}): int(one.connections) for one in found}
    expected = {frozenset(pair): connections for told, pair, connections in rough_break_evens() if told == rate}
    assert len(at) == len(found)
    assert {pair: at.get(pair) for pair in expected} == expected
