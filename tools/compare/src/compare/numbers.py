"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal


def number(value: float | Decimal) -> str:
    """Whole from a thousand on, three digits below."""
    if float(value).is_integer() or abs(float(value)) >= 1000:
        return f"{value:,.0f}"
    return format(Decimal(f"{value:.3g}"), "f")


def counted(value: float | Decimal, one: str, many: str = "") -> str:
    """`1 message`, `2.5 messages`."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def ranged(value: str, low: str, high: str) -> str:
    """`3,400 (1,200-9,000)`, or the value alone where both ends are the same."""
    return value if low == high else f"{value} ({low}-{high})"


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
