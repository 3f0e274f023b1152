"""Metrics as CloudWatch embedded metric format: one line on stdout an event, no call to make.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
What belongs to a route has two sets of dimensions: `service`, `backend` and `route`, and, over all routes, `service`
and `backend`, which is what autoscalers read. A gauge has the second set alone. A reader must name a set in full.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from threading import Lock

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

_UNITS = {"Latency": MetricUnit.Milliseconds}

#: Of one metric in one line. The format has room for 100, and Powertools prints by itself when those are full.
MOST_VALUES = 99


class EmfMetrics:
    """The MetricsSink and Gauges ports of a host whose stdout goes to CloudWatch Logs.

    Namespace and service are POWERTOOLS_METRICS_NAMESPACE and POWERTOOLS_SERVICE_NAME, `Duplex` and `duplex` without.
    """

    def __init__(self, backend: str) -> None:
        # The provider and not Metrics, whose state is shared by every instance in the process.
        self._provider = AmazonCloudWatchEMFProvider()
        self._provider.namespace = self._provider.namespace or "Duplex"
        service = self._provider.service or "duplex"
        self._whole = {"service": service, "backend": backend}
        self._provider.set_default_dimensions(**self._whole)

    def record(self, route: str, **values: float) -> None:
        """Print one line: `Latency` in milliseconds, every other value a count."""
        self.batch(route, {name: (value,) for name, value in values.items()})

    def batch(self, route: str, values: Mapping[str, Sequence[float]]) -> None:
        """Print one line for several events: up to MOST_VALUES values of each metric."""
        self._provider.add_dimension("route", route)
        self._provider.add_dimensions(**self._whole)
        self._print(values)

    def gauge(self, **values: float) -> None:
        """Print one line without a route."""
        self._print({name: (value,) for name, value in values.items()})

    def _print(self, metrics: Mapping[str, Sequence[float]]) -> None:
        for name, (first, *others) in metrics.items():
            self._provider.add_metric(name, _UNITS.get(name, MetricUnit.Count), first)
            # Each call of add_metric writes all the values there are into a text for its log: 99 take milliseconds.
            self._provider.metric_set[name]["Value"].extend(others)
        self._provider.flush_metrics()


class EmfBatches:
    """The lines of a host with many threads and many events a second.

    A line stands for up to MOST_VALUES events: their latencies one by one, so that percentiles hold, and the sums of
    their counts. Whoever makes it calls `flush` every few seconds, and at the end.
    """

    def __init__(self, backend: str) -> None:
        self._lines = EmfMetrics(backend)
        self._routes: defaultdict[str, list[Mapping[str, float]]] = defaultdict(list)
        self._lock = Lock()

    def record(self, route: str, values: Mapping[str, float]) -> None:
        """Gather one event, as EmfMetrics.record takes it."""
        with self._lock:
            events = self._routes[route]
            events.append(values)
            if len(events) >= MOST_VALUES:
                self._write(route, self._routes.pop(route))

    def flush(self) -> None:
        """Print what has been gathered."""
        with self._lock:
            routes, self._routes = self._routes, defaultdict(list)
            for route, events in routes.items():
                self._write(route, events)

    def _write(self, route: str, events: Sequence[Mapping[str, float]]) -> None:
        columns: dict[str, list[float]] = {}
        for values in events:
            for name, value in values.items():
                columns.setdefault(name, []).append(value)
        self._lines.batch(
            route, {name: column if name == "Latency" else (sum(column),) for name, column in columns.items()}
        )
