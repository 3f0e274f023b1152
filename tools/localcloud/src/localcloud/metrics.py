"""What CloudWatch would know: metrics of the gateway, of functions, and those that functions print.

Values are kept as statistic sets of one minute, the resolution that CloudWatch keeps, so that a busy hour costs no more
memory than a quiet one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcloud.clock import Clock

Dimensions = tuple[tuple[str, str], ...]

# CloudWatch's limits on one metric's dimensions, and on the metrics of one embedded directive.
_DIMENSIONS, _METRICS = 30, 100


@dataclass(slots=True)
class StatisticSet:
    """Count, sum and extremes of the values of one minute, which is named by its first second, in epoch seconds."""

    namespace: str
    name: str
    unit: str
    dimensions: Dimensions
    minute: int
    count: int = 0
    sum: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")

    def add(self, value: float) -> None:
        """Take a value in."""
        self.count += 1
        self.sum += value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)

    def merge(self, other: StatisticSet) -> None:
        """Take in the values of another."""
        self.count += other.count
        self.sum += other.sum
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)


class Series:
    """The values of one metric, which CloudWatch is to know under each of several sets of dimensions."""

    def __init__(self, namespace: str, name: str, unit: str, dimensions: tuple[Dimensions, ...]) -> None:
        self._name = (namespace, name, unit)
        self._dimensions = dimensions
        self._minutes: list[StatisticSet] = []

    def add(self, value: float, now: float) -> None:
        """Record a value; `now` is virtual epoch seconds."""
        if not self._minutes or not 0 <= now - self._minutes[-1].minute < 60:
            self._minutes.append(StatisticSet(*self._name, (), int(now // 60) * 60))
        self._minutes[-1].add(value)

    def drain(self) -> Iterator[StatisticSet]:
        """What has come in since the last time, under each of its sets of dimensions."""
        minutes, self._minutes = self._minutes, []
        for found in minutes:
            for dimensions in self._dimensions:
                yield replace(found, dimensions=dimensions)


class Metrics:
    """Collects values until somebody drains them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sets: dict[tuple[object, ...], StatisticSet] = {}
        self._series: list[Series] = []

    def add(self, namespace: str, name: str, unit: str, dimensions: Dimensions, value: float) -> None:
        """Record a value now."""
        minute = int(self._clock.now() // 60) * 60
        self._set(StatisticSet(namespace, name, unit, dimensions, minute)).add(value)

    def series(self, namespace: str, name: str, unit: str, *dimensions: Dimensions) -> Series:
        """Where the values of a metric go, for whoever has many of them."""
        self._series.append(Series(namespace, name, unit, dimensions))
        return self._series[-1]

    def _set(self, empty: StatisticSet) -> StatisticSet:
        """The statistic set that there is, or this one."""
        key = (empty.namespace, empty.name, empty.unit, empty.dimensions, empty.minute)
        return self._sets.setdefault(key, empty)

    def read_line(self, line: str) -> bool:
        """Take in a line that a function printed. False when it is none of metrics, or not a valid one."""
        if '"_aws"' not in line:
            return False
        found = list(embedded(line))
        for namespace, name, unit, dimensions, value in found:
            self.add(namespace, name, unit, dimensions, value)
        return bool(found)

    def drain(self) -> list[StatisticSet]:
        """What has come in since the last time."""
        for series in self._series:
            for found in series.drain():
                if (known := self._set(found)) is not found:
                    known.merge(found)
        sets, self._sets = list(self._sets.values()), {}
        return sets


def embedded(line: str) -> Iterator[tuple[str, str, str, Dimensions, float]]:
    """The values in a line of CloudWatch's embedded metric format: namespace, name, unit, dimensions, value.

    Nothing for a line that is not valid, as CloudWatch makes nothing of it.
    Source: "Specification: Embedded metric format", Amazon CloudWatch User Guide. The line's own timestamp is left
    aside: it is real time, which the cloud's clock may not be.
    """
    try:
        document = msgspec.json.decode(line)
        directives = document["_aws"]["CloudWatchMetrics"]
        for directive in directives:
            yield from _values(document, directive)
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, AttributeError, ValueError):
        return


def _values(document: dict[str, Any], directive: dict[str, Any]) -> Iterator[tuple[str, str, str, Dimensions, float]]:
    found = [
        (
            str(directive["Namespace"]),
            str(metric["Name"]),
            str(metric.get("Unit", "None")),
            tuple(sorted((name, str(document[name])) for name in names)),
            float(value),
        )
        for names in directive["Dimensions"]
        for metric in directive["Metrics"]
        for value in _numbers(document[metric["Name"]])
        if len(names) <= _DIMENSIONS and len(directive["Metrics"]) <= _METRICS
    ]
    yield from found


def _numbers(value: Any) -> list[float]:
    values: list[float] = value if isinstance(value, list) else [value]
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in values):
        raise ValueError("not a number")
    return values
