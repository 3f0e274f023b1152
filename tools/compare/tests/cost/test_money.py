"""Money in print."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compare.cost.bill import Amount
from compare.cost.money import middle, percent, span


def amount(low: str | Decimal, value: str | Decimal, high: str | Decimal) -> Amount:
    return Amount({"low": Decimal(low), "value": Decimal(value), "high": Decimal(high)})


@pytest.mark.parametrize(
    ("low", "value", "high", "text", "mid"),
    [
        ("16.43", "16.43", "16.43", "16.43", "16.43"),
        ("0", "0", "0", "0.00", "0.00"),
        ("1234567.89", "1234567.89", "1234567.89", "1,234,567.89", "1,234,567.89"),
        ("227760000", "227760000", "227760000", "227.8M", "227.8M"),
        ("312.40", "360.12", "418.99", "310-420", "360"),
        ("418.99", "360.12", "312.40", "310-420", "360"),
        ("319.41", "323.24", "341.65", "319-342", "323"),
        ("1.40", "2.88", "7.25", "1.40-7.30", "2.90"),
        ("0.07", "0.11", "0.12", "0.07-0.12", "0.11"),
        ("0", "0", "0.02", "0.00-0.02", "0.00"),
        ("9.99", "10.00", "10.01", "9.99-10.01", "10.00"),
        ("14012", "24694", "53999", "14,000-54,000", "25,000"),
        ("61234", "124949", "299999", "60-300k", "120k"),
        ("1906707.33", "1973732.37", "2195131.79", "1,900-2,200k", "1,970k"),
        ("12345678", "12345679", "12345680", "12.34-12.35M", "12.35M"),
    ],
)
def test_a_range_is_no_finer_than_it_is_known(low: str, value: str, high: str, text: str, mid: str) -> None:
    assert span(amount(low, value, high)) == text
    assert middle(amount(low, value, high)) == mid


CENTS = st.decimals(0, 10**14, places=2)


@example(Decimal(10_000), Decimal(10_000), Decimal("99000.01"))  # rounded up, the upper end has a digit more
@given(CENTS, CENTS, CENTS)
def test_what_is_printed_holds_the_whole_range_and_fits_a_column(one: Decimal, two: Decimal, three: Decimal) -> None:
    known = amount(one, two, three)
    text = span(known)
    assert len(text) <= 13
    if known.least == known.greatest:
        return
    found = re.fullmatch(r"([\d,.]+)-([\d,.]+)([kMBT]?)", text)
    assert found is not None
    unit = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}[found[3]]
    low, high = (Decimal(end.replace(",", "")) * unit for end in found.groups()[:2])
    assert low <= known.least <= known.greatest <= high


def test_a_share_is_a_whole_percentage() -> None:
    assert percent(Decimal("0.704")) == "70%"
