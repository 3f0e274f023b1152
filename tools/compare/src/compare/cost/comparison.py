"""The whole answer for one workload, before it is printed in one form or another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from compare.cost.bill import Amount, Bill, bills
from compare.cost.breakeven import BreakEven, Side, break_evens
from compare.cost.money import dollars
from compare.cost.quotas import Quota, quotas
from compare.cost.ranking import Ranking, ranked
from compare.cost.rows import Rows
from compare.cost.workload import Workload


@dataclass(frozen=True, slots=True)
class Comparison:
    workload: Workload
    rows: Rows
    bills: Mapping[str, Bill]
    ranking: Ranking
    quotas: Mapping[str, list[Quota]]
    break_evens: list[BreakEven]

    @property
    def sentence(self) -> str:
        """The ranking in a sentence."""
        first, second = self.bills[self.ranking.cheapest], self.bills[self.ranking.next]
        ours, theirs = dollars(first.total), dollars(second.total)
        if self.ranking.certainty == "too close to call":
            return (
                f"Too close to call: {first.variant} costs {ours} a month, {second.variant} {theirs}; "
                f"the middle figures favour {first.variant}."
            )
        degree = "clearly" if self.ranking.certainty == "clear" else "likely"
        return f"{first.variant} is {degree} the cheapest: {ours} a month, against {theirs} for {second.variant}."

    def document(self) -> dict[str, Any]:
        """What `--json` prints. Money is in dollars a month, low to high the range of the three bills."""
        workload = self.workload
        return {
            "workload": {
                "connections": workload.connections,
                "messagesPerMinute": workload.rate,
                "messageBytes": workload.message_bytes,
                "deliveries": workload.deliveries,
                "connectionMinutes": workload.minutes,
                "tls": workload.tls,
                "freeTier": workload.free_tier,
            },
            "overrides": sorted(self.rows.changed),
            "variants": {
                name: {
                    "lines": {line: _range(amount) for line, amount in bill.lines.items()},
                    "total": _range(bill.total),
                    "dominant": bill.dominant,
                    "quotas": [_quota(quota) for quota in self.quotas[name]],
                }
                for name, bill in self.bills.items()
            },
            "verdict": {
                "cheapest": self.ranking.cheapest,
                "next": self.ranking.next,
                "certainty": self.ranking.certainty,
                "sentence": self.sentence,
            },
            "breakEvens": [
                {
                    "connections": one.connections,
                    "below": _side(one.below),
                    "above": _side(one.above),
                    "changesCheapest": one.overall,
                }
                for one in self.break_evens
            ],
        }


def compare(workload: Workload, rows: Rows) -> Comparison:
    """Raises CompareError when the rows contradict each other."""
    priced = bills(workload, rows)
    return Comparison(
        workload,
        rows,
        priced,
        ranked({name: bill.total for name, bill in priced.items()}),
        {name: quotas(bill, workload, rows) for name, bill in priced.items()},
        break_evens(workload, rows),
    )


def _range(amount: Amount) -> dict[str, Decimal]:
    return {"low": amount.least, "value": amount.value, "high": amount.greatest}


def _quota(quota: Quota) -> dict[str, Any]:
    return {
        "quota": quota.key,
        "unit": quota.unit,
        "needed": _short(quota.needed),
        "default": quota.default,
        "factor": _short(quota.factor),
        "exceeded": quota.exceeded,
    }


def _side(side: Side) -> dict[str, Any]:
    return {"cheaper": side.variant, "dominant": side.dominant, "share": _short(side.share)}


def _short(number: Decimal) -> Decimal:
    """Six decimal places: what division leaves behind them says nothing."""
    return number.quantize(Decimal("1e-6"), ROUND_HALF_UP) if number < 10**15 else number
