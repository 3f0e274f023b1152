"""Which is the cheapest, how sure that is, and what turns it over."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from compare.cost import rows
from compare.cost.bill import Amount
from compare.cost.comparison import compare
from compare.cost.ranking import Ranking, certainty, ranked
from compare.cost.workload import Workload

from .model import prices


def amount(low: float, value: float, high: float) -> Amount:
    return Amount({"low": Decimal(low), "value": Decimal(value), "high": Decimal(high)})


@pytest.mark.parametrize(
    ("cheaper", "dearer", "expected"),
    [
        (amount(1, 2, 3), amount(4, 5, 6), "clear"),
        (amount(1, 2, 4), amount(4, 5, 6), "likely"),  # ranges that touch are not clear
        (amount(9, 18, 27), amount(10, 20, 30), "likely"),  # 0.9 is enough
        (amount(9, 18, 28), amount(10, 20, 30), "too close to call"),
        (amount(10, 18, 27), amount(10, 20, 30), "too close to call"),
        (amount(3, 2, 1), amount(6, 5, 4), "clear"),  # the low bill need not be the least
    ],
)
def test_certainty_follows_the_three_bills(cheaper: Amount, dearer: Amount, expected: str) -> None:
    assert certainty(cheaper, dearer) == expected


def test_the_middle_bill_decides_which_is_cheapest() -> None:
    totals = {"lambda": amount(1, 20, 30), "ecs": amount(5, 10, 50), "eks": amount(0, 40, 60)}
    assert ranked(totals) == Ranking("ecs", "lambda", "too close to call")


@pytest.mark.parametrize(
    ("workload", "override", "before", "after"),
    [
        # One price.
        (Workload(Decimal(3_200), Decimal(1)), {"api.message": {"value": 0.5}}, "sockets", "lambda"),
        (Workload(Decimal(2_500), Decimal(1)), {"eks.cluster": {"value": 0}}, "lambda", "sockets"),
        (Workload(Decimal(20_000), Decimal("0.1")), {"nlb.unit": {"value": 0.2}}, "sockets", "lambda"),
        # One input that was measured or assumed.
        (Workload(Decimal(3_200), Decimal(1)), {"pod.minimum": {"value": 12}}, "sockets", "lambda"),
        (Workload(Decimal(20_000), Decimal(0)), {"gateway.keepalive": {"value": 0}}, "sockets", "lambda"),
        (Workload(Decimal(16_500), Decimal(0)), {"sockets.kib": {"value": 300}}, "sockets", "lambda"),
    ],
)
def test_one_price_or_one_input_changes_the_verdict(
    tmp_path: Path, workload: Workload, override: Any, before: str, after: str
) -> None:
    assert compare(workload, rows.shipped()).ranking.cheapest == before
    assert compare(workload, prices(tmp_path, override)).ranking.cheapest == after


@pytest.mark.parametrize(
    ("connections", "rate", "sentence"),
    [
        (100, 2, "lambda is clearly the cheapest: $27-38 a month, against $110-220 for ecs."),
        (
            2_600,
            1,
            "Too close to call: lambda costs $325-376 a month, sockets $330-510; the middle figures favour lambda.",
        ),
    ],
)
def test_the_verdict_in_words(connections: int, rate: int, sentence: str) -> None:
    assert compare(Workload(Decimal(connections), Decimal(rate)), rows.shipped()).sentence == sentence
