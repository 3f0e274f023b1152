"""What the terminal and the page say in the same words."""

from __future__ import annotations

from collections.abc import Iterator

from compare.cost.breakeven import Side
from compare.cost.comparison import Comparison
from compare.cost.money import percent
from compare.cost.workload import Workload
from compare.numbers import counted, number


def describe(workload: Workload) -> str:
    """The workload in one line or two."""
    load = f"{counted(workload.connections, 'connection')}, {counted(workload.rate, 'message')} a minute each"
    return f"{load}, {besides(workload)}"


def besides(workload: Workload) -> str:
    """The workload but for its connections and messages."""
    parts = [
        counted(workload.message_bytes, "byte"),
        f"{counted(workload.deliveries, 'delivery', 'deliveries')} a message",
        f"{counted(workload.minutes, 'minute')} a connection",
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
                needed = f"{number(quota.needed)} {quota.unit.partition(';')[0]}; default {number(quota.default)}"
                lines.setdefault(f"{needed} ({number(quota.factor)} times)", []).append(name)
    for line, names in lines.items():
        yield ", ".join(names), line


def side(one: Side) -> str:
    return f"{one.variant} ({one.dominant} {percent(one.share)})"
