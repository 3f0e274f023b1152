"""Dollars in print: to the cent where they are certain, and no finer than they are known where not."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

from compare.cost.bill import Amount

_CENT = Decimal("0.01")
_CERTAIN_TO: Final = Decimal(10_000_000)  # beyond, cents no longer fit a column, nor matter
# From so much on, the upper end is told in such units.
_SUFFIXES: Final = (
    (Decimal(10) ** 13, Decimal(10) ** 12, "T"),
    (Decimal(10) ** 10, Decimal(10) ** 9, "B"),
    (Decimal(10) ** 7, Decimal(10) ** 6, "M"),
    (Decimal(10) ** 5, Decimal(10) ** 3, "k"),
    (Decimal(0), Decimal(1), ""),
)


def span(amount: Amount) -> str:
    """Its range, such as `310-420`, `12-14.5k` or, when all three bills agree, `16.43`.

    Ends are rounded outwards, to two digits of the width between them and to at most four digits of the upper one.
    """
    least, greatest = amount.least, amount.greatest
    if least == greatest:
        if greatest < _CERTAIN_TO:
            return f"{greatest:,.2f}"
        return _scaled(greatest, _power(greatest) / 1000, ROUND_HALF_UP, greatest)
    step = _step(amount)
    low = _scaled(least, step, ROUND_FLOOR, _top(amount), suffix=False)
    return f"{low}-{_scaled(greatest, step, ROUND_CEILING, _top(amount))}"


def middle(amount: Amount) -> str:
    """Its `value` alone, no finer than its range."""
    if amount.least == amount.greatest:
        return span(amount)
    return _scaled(amount.value, _step(amount), ROUND_HALF_UP, _top(amount))


def dollars(amount: Amount) -> str:
    return "$" + span(amount)


def percent(share: Decimal) -> str:
    return f"{share:.0%}"


def _step(amount: Amount) -> Decimal:
    return max(_power(amount.greatest - amount.least) / 10, _power(amount.greatest) / 1000, _CENT)


def _top(amount: Amount) -> Decimal:
    """The upper end as it is printed, which says in what units."""
    step = _step(amount)
    return (amount.greatest / step).to_integral_value(ROUND_CEILING) * step


def _power(number: Decimal) -> Decimal:
    """The power of ten of its first digit."""
    return Decimal(10) ** number.adjusted()


def _scaled(number: Decimal, step: Decimal, rounding: str, greatest: Decimal, *, suffix: bool = True) -> str:
    unit, letter = next((unit, letter) for least, unit, letter in _SUFFIXES if greatest >= least)
    rounded = (number / step).to_integral_value(rounding) * step / unit
    places = max(0, -(step / unit).adjusted())
    if places and not letter:
        places = 2  # dollars and cents
    return f"{rounded:,.{places}f}{letter if suffix else ''}"
