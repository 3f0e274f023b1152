"""CloudWatch's memory: statistic sets that the local cloud has measured, put where moto answers reads from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.cloudwatch.models import CloudWatchBackend, Dimension, MetricAggregatedDatum, cloudwatch_backends

if TYPE_CHECKING:
    from collections.abc import Iterable


def _by_name(self: Dimension, other: Dimension) -> bool:
    return (str(self.name), str(self.value)) < (str(other.name), str(other.value))


# moto compares a value with a name there, so that three dimensions match in some orders only.
Dimension.__lt__ = _by_name  # type: ignore[method-assign]


class _Datum(MetricAggregatedDatum):
    """A datum that GetMetricStatistics finds by exactly its dimensions; moto finds it by some of them, too."""

    def filter(
        self,
        namespace: str | None,
        name: str | None,
        dimensions: list[dict[str, str]],
        already_present_metrics: Any = None,
    ) -> bool:
        """As moto's; GetMetricStatistics, unlike ListMetrics, asks without a namespace and a name."""
        if namespace is None and name is None and len(dimensions) != len(self.dimensions):
            return False
        return bool(super().filter(namespace, name, dimensions, already_present_metrics))


class MetricStore:
    """Adds statistic sets up minute by minute, so that reads cost by the minute and not by the message."""

    def __init__(self, account: str, region: str) -> None:
        self._backend: CloudWatchBackend = cloudwatch_backends[account][region]
        self._minutes: dict[tuple[object, ...], MetricAggregatedDatum] = {}

    def add(self, sets: Iterable[dict[str, Any]]) -> None:
        """Take in sets, each with the fields of `localcloud.metrics.StatisticSet`."""
        for given in sets:
            dimensions = tuple(map(tuple, given["dimensions"]))
            key = (given["namespace"], given["name"], given["unit"], dimensions, given["minute"])
            datum = self._minutes.get(key)
            if datum is None:
                self._minutes[key] = datum = _Datum(
                    namespace=given["namespace"],
                    name=given["name"],
                    min_stat=given["minimum"],
                    max_stat=given["maximum"],
                    sample_count=given["count"],
                    sum_stat=given["sum"],
                    dimensions=[{"Name": name, "Value": value} for name, value in dimensions],
                    # moto compares times without a zone
                    timestamp=datetime.fromtimestamp(given["minute"], UTC).replace(tzinfo=None),
                    unit=given["unit"],
                )
                self._backend.metric_data.append(datum)
            else:
                datum.min = min(datum.min, given["minimum"])
                datum.max = max(datum.max, given["maximum"])
                datum.sample_count += given["count"]
                datum.sum += given["sum"]
