"""A statistic of a target: its value with its unit, its spread over the rounds, and whether it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}


@dataclass(frozen=True, slots=True)
class Statistic:
    """`value` over all rounds, and what each round alone gave.

    basis: `measured`; `modelled` from measured ones; `assumed`, which `source` then says where from.
    over: how the rounds became one value: `merged` histograms, a `sum`, a `median`, or the `greatest`.
    better: whether less or more of it is better; None when it is neither.
    """

    value: float
    unit: str
    rounds: tuple[float, ...] = ()
    basis: Literal["measured", "modelled", "assumed"] = "measured"
    over: Literal["merged", "sum", "median", "greatest", ""] = ""
    better: Literal["less", "more"] | None = None
    source: str = ""
    range: tuple[float, float] | None = None

    @property
    def low(self) -> float:
        """The least, over the rounds or of the assumed range."""
        return min(self.range or self.rounds or (self.value,))

    @property
    def high(self) -> float:
        """The most."""
        return max(self.range or self.rounds or (self.value,))

    def document(self) -> dict[str, Any]:
        """As JSON (docs/load.md)."""
        document: dict[str, Any] = {"value": _short(self.value), "unit": self.unit, "basis": self.basis}
        document |= {"low": _short(self.low), "high": _short(self.high)}
        if self.rounds:
            document |= {"over": self.over, "rounds": [_short(value) for value in self.rounds]}
        if self.better:
            document["better"] = self.better
        if self.source:
            document["source"] = self.source
        return document


#: What a laptop cannot measure, so that nobody takes loopback for a network.
ASSUMED = {
    "gateway.hop_ms": Statistic(
        15,
        "ms",
        basis="assumed",
        range=(5, 50),
        source="assumption: what API Gateway adds to a message each way; measure it with --target",
    )
}


def _short(value: float) -> float:
    """Four figures say more than any of them is worth."""
    return value if isinstance(value, int) else float(f"{value:.4g}") if abs(value) < 1000 else round(value, 1)
