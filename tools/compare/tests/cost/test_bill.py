"""What holds for every bill, whatever the workload."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, getcontext, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.cost import rows
from compare.cost.bill import bills, cents
from compare.cost.quantities import ceil
from compare.cost.rows import CASES
from compare.cost.workload import Workload
from compare.errors import CompareError

from .model import prices
from .strategies import WORKLOADS

FIGURES = rows.shipped()
HUNDRED = Workload(Decimal(100), Decimal(1))


@given(WORKLOADS)
def test_no_line_is_negative_and_the_table_adds_up(workload: Workload) -> None:
    for bill in bills(workload, FIGURES).values():
        assert all(amount.cases[case] >= 0 for amount in bill.lines.values() for case in CASES)
        for case in CASES:
            assert bill.total.cases[case] == sum(amount.cases[case] for amount in bill.lines.values())


@given(WORKLOADS)
def test_a_range_runs_from_the_least_to_the_greatest_bill(workload: Workload) -> None:
    for bill in bills(workload, FIGURES).values():
        for amount in (bill.total, *bill.lines.values()):
            assert amount.least <= amount.value <= amount.greatest
            assert {amount.least, amount.greatest} <= set(amount.cases.values())


@given(WORKLOADS, st.integers(1, 1_000_000))
def test_more_connections_never_cost_less_with_the_shipped_figures(workload: Workload, more: int) -> None:
    before = bills(workload, FIGURES)
    after = bills(workload.at(workload.connections + more), FIGURES)
    for name, bill in before.items():
        assert all(after[name].total.cases[case] >= bill.total.cases[case] for case in CASES)


@given(WORKLOADS)
def test_the_free_tier_never_costs_more(workload: Workload) -> None:
    free = bills(replace(workload, free_tier=True), FIGURES)
    full = bills(replace(workload, free_tier=False), FIGURES)
    assert all(free[name].total.value <= full[name].total.value for name in full)
    assert free["lambda"].total.value < full["lambda"].total.value  # ten metrics at the least


def test_bills_do_not_depend_on_the_callers_arithmetic() -> None:
    expected = bills(HUNDRED, FIGURES)
    with localcontext() as context:
        context.prec = 5
        assert {name: bill.total for name, bill in bills(HUNDRED, FIGURES).items()} == {
            name: bill.total for name, bill in expected.items()
        }
        assert getcontext().prec == 5


def test_the_dominant_line_is_the_largest_of_the_middle_bill() -> None:
    bill = bills(HUNDRED, FIGURES)["lambda"]
    assert bill.lines[bill.dominant].value == max(amount.value for amount in bill.lines.values())


@pytest.mark.parametrize("figure", [0, 1e-9, 0.3, 1e15])
def test_no_figure_within_the_limits_breaks_a_bill(tmp_path: Path, figure: float) -> None:
    broken = {}
    for key in FIGURES.by_key:
        try:
            priced = bills(Workload(Decimal(3), Decimal(1), tls="pod"), prices(tmp_path, {key: {"value": figure}}))
        except CompareError as error:
            broken[key] = str(error)
        else:
            assert all(amount.least >= 0 for bill in priced.values() for amount in bill.lines.values()), key
    # The rest is refused for a reason that names the row.
    assert all(key in line for key, line in broken.items())


def test_the_dust_of_a_division_does_not_buy_a_pod() -> None:
    third = Decimal(1) / 3
    assert ceil(third * 9 + Decimal("1e-20")) == 3
    assert ceil(Decimal("3.0000000004")) == 3
    assert ceil(Decimal("3.0000000005")) == 4
    assert ceil(Decimal(10) ** 20 + Decimal("0.5")) == Decimal(10) ** 20 + 1


def test_cents_are_rounded_half_up_at_any_size() -> None:
    assert cents(Decimal("16.425")) == Decimal("16.43")
    assert cents(Decimal("16.4249999")) == Decimal("16.42")
    assert cents(Decimal(10) ** 40) == Decimal(10) ** 40
