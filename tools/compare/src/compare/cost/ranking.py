"""Which variant is cheapest, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from compare.cost.bill import Amount
from compare.cost.rows import CASES

Certainty = Literal["clear", "likely", "too close to call"]

_MARGIN: Final = Decimal("0.9")


@dataclass(frozen=True, slots=True)
class Ranking:
    """The cheapest variant, the next, and how sure their order is."""

    cheapest: str
    next: str
    certainty: Certainty


def ranked(totals: Mapping[str, Amount]) -> Ranking:
    """The two that cost least in the `value` bill.

    Clear when their ranges do not touch; likely when the cheaper one costs at most 0.9 of the other in each bill,
    since rows that both use move together.
    """
    first, second = sorted(totals, key=lambda name: totals[name].value)[:2]
    return Ranking(first, second, certainty(totals[first], totals[second]))


def certainty(cheaper: Amount, dearer: Amount) -> Certainty:
    if cheaper.greatest < dearer.least:
        return "clear"
    if all(cheaper.cases[case] <= _MARGIN * dearer.cases[case] for case in CASES):
        return "likely"
    return "too close to call"
