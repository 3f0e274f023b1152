"""Faults on purpose: `--fault NAME=RATE`. Each fires at random at its rate, the same way for the same seed.

CloudWatch counts them: namespace `Duplex/Faults`, one metric a fault, which is there as soon as it has fired.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from localcloud.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localcloud.metrics import Metrics

NAMESPACE = "Duplex/Faults"
FAULTS = {
    "disconnect-lost": "$disconnect is not told of a connection's end",
    "disconnect-late": "$disconnect is told a minute late",
    "post-gone": "POST to @connections answers 410 though the client is there",
    "post-doubted": "POST to @connections answers 410 though the message arrives",
    "post-throttled": "POST to @connections answers 429",
    "dynamodb-throttled": "an item operation of DynamoDB is throttled",
    "integration-timeout": "an integration is not asked, and runs into its timeout",
    "function-crash": "a function's process dies with its event",
}


def parse(given: Iterable[str]) -> dict[str, float]:
    """Rates by name from `NAME=RATE` texts; LocalError for an unknown name or a rate that is not from 0 to 1."""
    rates = {}
    for text in given:
        name, _, rate = text.partition("=")
        if name not in FAULTS:
            raise LocalError(f"there is no fault {name!r}: choose from {', '.join(FAULTS)}")
        try:
            rates[name] = float(rate)
        except ValueError:
            rates[name] = -1.0
        if not 0 <= rates[name] <= 1:
            raise LocalError(f"the fault {name} needs a rate from 0 to 1, as in {name}=0.1")
    return rates


class Faults:
    """Says whether a fault happens this time, and counts."""

    def __init__(self, rates: Mapping[str, float], seed: int, metrics: Metrics) -> None:
        self._rates = rates
        self._random = {name: random.Random(f"{seed}/{name}") for name in rates}
        self._metrics = metrics

    def __call__(self, name: str) -> bool:
        """Whether this fault fires now."""
        rate = self._rates.get(name)
        if not rate or self._random[name].random() >= rate:
            return False
        self._metrics.add(NAMESPACE, name, "Count", (), 1)
        return True
