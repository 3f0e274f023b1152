"""What the terminal and the page say in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from compare.cost.breakeven import Side
from compare.cost.comparison import Comparison
from compare.cost.money import percent
from compare.cost.workload import Workload


def describe(workload: Workload) -> str:
    """The workload in one line or two."""
    load = f"{_counted(workload.connections, 'connection')}, {_counted(workload.rate, 'message')} a minute each"
    return f"{load}, {besides(workload)}"


def besides(workload: Workload) -> str:
    """The workload but for its connections and messages."""
    parts = [
        _counted(workload.message_bytes, "byte"),
        f"{_counted(workload.deliveries, 'delivery', 'deliveries')} a message",
        f"{_counted(workload.minutes, 'minute')} a connection",
    ]
    parts += ["TLS in the pod"] if workload.tls == "pod" else []
    parts += ["with the free tier"] if workload.free_tier else []
    return ", ".join(parts)


def over(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Every quota that a variant needs more of: the variants, and what they need."""
    lines: dict[str, list[str]] = {}
    for name, held in comparison.quotas.items():
        for quota in held:
            if quota.exceeded:
                needed = f"{_plain(quota.needed)} {quota.unit.partition(';')[0]}; default {_plain(quota.default)}"
                lines.setdefault(f"{needed} ({_plain(quota.factor)} times)", []).append(name)
    for line, names in lines.items():
        yield ", ".join(names), line


def side(one: Side) -> str:
    return f"{one.variant} ({one.dominant} {percent(one.share)})"


def _counted(number: Decimal, one: str, many: str = "") -> str:
    return f"{_plain(number)} {one if number == 1 else many or one + 's'}"


def _plain(number: Decimal) -> str:
    """Without exponent or trailing zeros, to three digits where it is not whole."""
    if number == number.to_integral_value() or number >= 1000:
        return f"{number:,.0f}"
    return f"{float(number):.3g}"
