"""What the backend is asked to carry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from compare.errors import CompareError

Tls = Literal["balancer", "pod"]
TLS: Final[tuple[Tls, ...]] = ("balancer", "pod")

MINUTES: Final = 43_800  # a month
HOURS: Final = 730
SECONDS: Final = 2_628_000
GB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Workload:
    """A steady load. The symbols are those of docs/cost-model.md."""

    connections: Decimal  # C, mean of open connections
    rate: Decimal  # m, messages a minute that each connection sends
    message_bytes: Decimal = Decimal(256)  # B, of a message and of each delivery
    deliveries: Decimal = Decimal(1)  # r, frames to clients for each message
    minutes: Decimal = Decimal(60)  # L, mean life of a connection
    tls: Tls = "balancer"  # where `sockets` ends TLS
    free_tier: bool = False

    def at(self, connections: Decimal) -> Workload:
        return replace(self, connections=connections)


@dataclass(frozen=True, slots=True)
class _Limit:
    flag: str
    least: Decimal
    most: Decimal
    whole: bool = False

    def read(self, text: str) -> Decimal:
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or not self.least <= number <= self.most or (self.whole and number % 1):
            kind = "a whole number" if self.whole else "a number"
            raise CompareError(f"{self.flag}: {text!r} is not {kind} from {self.least:,} to {self.most:,}")
        return number


_CONNECTIONS = _Limit("--connections", Decimal(1), Decimal(100_000_000), whole=True)
_RATE = _Limit("--messages-per-minute", Decimal(0), Decimal(6_000))
_BYTES = _Limit("--message-bytes", Decimal(1), Decimal(131_072), whole=True)
_DELIVERIES = _Limit("--deliveries", Decimal(0), Decimal(10_000))
_MINUTES = _Limit("--connection-minutes", Decimal("0.001"), Decimal(MINUTES))


def read(
    connections: str,
    rate: str,
    *,
    message_bytes: str = "256",
    deliveries: str = "1",
    minutes: str = "60",
    tls: str = "balancer",
    free_tier: bool = False,
) -> Workload:
    """The workload that the options' texts stand for. Raises CompareError with the option that cannot be used."""
    chosen = next((place for place in TLS if place == tls), None)
    if chosen is None:
        raise CompareError(f"--tls: {tls!r} is neither balancer nor pod")
    return Workload(
        _CONNECTIONS.read(connections),
        _RATE.read(rate),
        _BYTES.read(message_bytes),
        _DELIVERIES.read(deliveries),
        _MINUTES.read(minutes),
        chosen,
        free_tier,
    )
