"""What one sender counted, in a form that adds up over senders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram

LONGEST = 3600  # seconds
_DIGITS = 3
_KINDS = 40  # of errors that are told apart: what a server says is not ours to bound


def histogram() -> Any:
    """Microseconds, from 1 to an hour, exact to three digits."""
    return HdrHistogram(1, LONGEST * 1_000_000, _DIGITS)


def record(into: Any, seconds: float) -> None:
    """Enter a time."""
    into.record_value(min(LONGEST * 1_000_000, max(1, round(seconds * 1e6))))


@dataclass(slots=True)
class Latency:
    """The times of one kind of answer.

    corrected: from the moment at which it should have been asked for, whatever was in the way.
    uncorrected: what a client would have measured that waits for each answer before it asks again: questions that it
        would not have asked are left out, and the time runs from when it was really asked.
    """

    corrected: Any = field(default_factory=histogram)
    uncorrected: Any = field(default_factory=histogram)


class Measures:
    """Latencies by name, counts by name, errors by kind, and how late questions were asked."""

    def __init__(self, told: Callable[[str, float], None] | None = None) -> None:
        """`told(name, seconds)` hears of each corrected latency as well."""
        self.latencies: dict[str, Latency] = {}
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.lag = histogram()
        self._told = told

    def answered(self, name: str, asked: Request, now: float) -> None:
        """An answer has come."""
        latency = self.latencies.get(name)
        if latency is None:
            latency = self.latencies[name] = Latency()
        seconds = now - min(asked.due, asked.sent)
        record(latency.corrected, seconds)
        if asked.serial:
            record(latency.uncorrected, now - asked.sent)
        if self._told is not None:
            self._told(name, seconds)

    def failed(self, kind: str) -> None:
        """Something went wrong that is called so."""
        kind = kind[:60]
        self.errors[kind if kind in self.errors or len(self.errors) < _KINDS else "other"] += 1

    def add(self, other: Measures) -> None:
        """Take in what another sender counted."""
        for name, latency in other.latencies.items():
            mine = self.latencies.setdefault(name, Latency())
            mine.corrected.add(latency.corrected)
            mine.uncorrected.add(latency.uncorrected)
        self.counts.update(other.counts)
        self.errors.update(other.errors)
        self.lag.add(other.lag)

    def encoded(self) -> dict[str, Any]:
        """As JSON; histograms in HdrHistogram's own encoding, which its tools read."""
        return {
            "latencies": {
                name: {"corrected": encode(latency.corrected), "uncorrected": encode(latency.uncorrected)}
                for name, latency in self.latencies.items()
            },
            "counts": dict(self.counts),
            "errors": dict(self.errors),
            "lag": encode(self.lag),
        }

    @classmethod
    def decoded(cls, document: dict[str, Any]) -> Measures:
        """What `encoded` wrote."""
        measures = cls()
        for name, latency in document["latencies"].items():
            measures.latencies[name] = Latency(decode(latency["corrected"]), decode(latency["uncorrected"]))
        measures.counts.update(document["counts"])
        measures.errors.update(document["errors"])
        measures.lag = decode(document["lag"])
        return measures


@dataclass(slots=True)
class Request:
    """A request: when it was due, when it was sent, and whether a client that waits for each answer would have sent it.

    `awaited` counts the deliveries that have not come yet; `accepted` says that the server promised them.
    """

    due: float
    sent: float
    serial: bool
    awaited: int = 0
    accepted: bool = False


def encode(of: Any) -> str:
    """A histogram as text."""
    return str(of.encode().decode())


def decode(text: str) -> Any:
    """What `encode` wrote."""
    decoded = histogram()
    decoded.decode_and_add(text.encode())
    return decoded
