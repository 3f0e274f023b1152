"""The loads that a report answers for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from compare.cost.workload import Workload, read
from compare.errors import CompareError

STANDARD = (1_000, 50_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class LoadSizes:
    """Sizes in open connections, the same traffic for each; `own` are the reader's, after the standard ones."""

    workload: Workload
    own: tuple[int, ...] = ()

    @property
    def connections(self) -> tuple[int, ...]:
        return (*STANDARD, *(size for size in self.own if size not in STANDARD))

    @property
    def foremost(self) -> tuple[int, ...]:
        """The sizes that the headline is about."""
        return self.own or STANDARD

    def at(self, connections: int) -> Workload:
        return self.workload.at(Decimal(connections))

    def document(self, prices: dict[str, Any]) -> dict[str, Any]:
        load = self.workload
        return {
            "connections": list(self.connections),
            "messages_per_minute": float(load.rate),
            "message_bytes": int(load.message_bytes),
            "deliveries": float(load.deliveries),
            "connection_minutes": float(load.minutes),
            "own": bool(self.own),
            "prices": prices,
        }


def load_sizes(
    own: list[str] | None = None,
    messages_per_minute: str = "1",
    message_bytes: str = "256",
    deliveries: str = "1",
    connection_minutes: str = "60",
) -> LoadSizes:
    """From the texts of the options. Raises CompareError with the option that cannot be used."""
    try:
        loads = [
            read(
                size,
                messages_per_minute,
                message_bytes=message_bytes,
                deliveries=deliveries,
                minutes=connection_minutes,
            )
            for size in own or ["1000"]
        ]
    except CompareError as error:
        raise CompareError(re.sub("^--connections", "--own-connections", str(error))) from None
    return LoadSizes(loads[0], tuple(int(load.connections) for load in loads) if own else ())
