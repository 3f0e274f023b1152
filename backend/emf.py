"""Metrics as CloudWatch embedded metric format: one line on stdout an event, no call to make.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
What belongs to a route has two sets of dimensions: `service`, `backend` and `route`, and, over all routes, `service`
and `backend`, which is what autoscalers read. A gauge has the second set alone. A reader must name a set in full.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

_UNITS = {"Latency": MetricUnit.Milliseconds.value}

#: Of one metric in one line: the format's limit.
MOST_VALUES = 100


class EmfMetrics:
    """The MetricsSink and Gauges ports of a host whose stdout goes to CloudWatch Logs.

    Namespace and service are POWERTOOLS_METRICS_NAMESPACE and POWERTOOLS_SERVICE_NAME, `Duplex` and `duplex` without.
    """

    def __init__(self, backend: str) -> None:
        # Providers and not Metrics, whose state every instance in the process shares. A provider keeps nothing of what
        # it serializes, so that threads may share it.
        self._gauges, self._routes = AmazonCloudWatchEMFProvider(), AmazonCloudWatchEMFProvider()
        self._whole = {"service": self._gauges.service or "duplex", "backend": backend}
        self._routes.add_dimensions(**self._whole)
        for provider in (self._gauges, self._routes):
            provider.namespace = provider.namespace or "Duplex"

    def record(self, route: str, counted: str, errors: int, milliseconds: float) -> None:
        """Print one line for one event."""
        self.batch(route, {counted: 1}, errors, [milliseconds])

    def batch(self, route: str, counts: Mapping[str, int], errors: int, milliseconds: Sequence[float]) -> None:
        """Print one line for up to MOST_VALUES events: their latencies one by one, so that percentiles hold."""
        values = {**{name: (count,) for name, count in counts.items()}, "Errors": (errors,), "Latency": milliseconds}
        _print(self._routes, values, {**self._whole, "route": route})

    def gauge(self, **values: float) -> None:
        """Print one line without a route."""
        _print(self._gauges, {name: (value,) for name, value in values.items()}, self._whole)


def _print(
    provider: AmazonCloudWatchEMFProvider, values: Mapping[str, Sequence[float]], dimensions: Mapping[str, str]
) -> None:
    metrics = {
        name: {"Unit": _UNITS.get(name, MetricUnit.Count.value), "Value": [float(number) for number in column]}
        for name, column in values.items()
    }
    document = provider.serialize_metric_set(metrics, dict(dimensions), {})
    print(json.dumps(document, separators=(",", ":")))  # noqa: T201


@dataclass(slots=True)
class _Batch:
    """Events of one route."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    milliseconds: list[float] = field(default_factory=list)


class EmfBatches:
    """The lines of a host with many threads and many events a second: one stands for up to MOST_VALUES events.

    The host calls `flush` every few seconds, and at the end.
    """

    def __init__(self, backend: str) -> None:
        self._lines = EmfMetrics(backend)
        self._routes: defaultdict[str, _Batch] = defaultdict(_Batch)
        self._lock = Lock()

    def record(self, route: str, counted: str, errors: int, milliseconds: float) -> None:
        """Gather one event, as EmfMetrics.record takes it."""
        with self._lock:
            batch = self._routes[route]
            batch.counts[counted] += 1
            batch.errors += errors
            batch.milliseconds.append(milliseconds)
            if len(batch.milliseconds) >= MOST_VALUES:
                self._write(route, self._routes.pop(route))

    def flush(self) -> None:
        """Print what has been gathered."""
        with self._lock:
            routes, self._routes = self._routes, defaultdict(_Batch)
            for route, batch in routes.items():
                self._write(route, batch)

    def _write(self, route: str, batch: _Batch) -> None:
        self._lines.batch(route, batch.counts, batch.errors, batch.milliseconds)
