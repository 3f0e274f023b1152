"""What a pod counts: for Prometheus, and as lines for CloudWatch under the names that the functions use.

Plain numbers under a lock, read when Prometheus asks: its own metrics cost more for each event than answering it does.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from backend.emf import EmfBatches

#: Milliseconds.
BUCKETS = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0)
_LIMITS = [*(str(milliseconds / 1000) for milliseconds in BUCKETS), "+Inf"]


@dataclass(slots=True)
class _Route:
    """What has come on one route: events by the bucket of their latency, and milliseconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * len(_LIMITS))
    latency: float = 0.0
    errors: float = 0.0


class PodMetrics(Collector):
    """The MetricsSink port of a pod. Routes are the backend's names, so that clients name no label."""

    def __init__(self, backend: str, in_flight: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(self)
        self.lines = EmfBatches(backend)
        self._in_flight = in_flight
        self._lock = Lock()
        self._routes: dict[str, _Route] = {}
        self._messages = 0.0
        self._refused: Counter[int] = Counter()

    def record(self, route: str, counted: str, errors: int, milliseconds: float) -> None:
        """Add one handled event, from any thread."""
        with self._lock:
            totals = self._routes.get(route)
            if totals is None:
                totals = self._routes[route] = _Route()
            totals.buckets[bisect_left(BUCKETS, milliseconds)] += 1
            totals.latency += milliseconds
            totals.errors += errors
            self._messages += counted == "Messages"
        self.lines.record(route, counted, errors, milliseconds)

    def refuse(self, status: int) -> None:
        """One request that was refused, on the event loop."""
        self._refused[status] += 1

    def collect(self) -> Iterator[Metric]:
        """Everything, as Prometheus names it."""
        latency = HistogramMetricFamily(
            "duplex_latency_seconds", "Time in the backend, by route; its count is that of events", labels=["route"]
        )
        errors = CounterMetricFamily("duplex_errors", "Events that failed, by route", labels=["route"])
        with self._lock:
            messages = self._messages
            for route, counted in self._routes.items():
                buckets = list(zip(_LIMITS, map(float, accumulate(counted.buckets)), strict=True))
                latency.add_metric([route], buckets, counted.latency / 1000)
                errors.add_metric([route], counted.errors)
        refused = CounterMetricFamily("duplex_refused", "Requests not answered, by HTTP status", labels=["status"])
        for status, count in list(self._refused.items()):
            refused.add_metric([str(status)], count)
        yield latency
        yield CounterMetricFamily("duplex_messages", "Messages answered", value=messages)
        yield errors
        yield refused
        yield GaugeMetricFamily("duplex_requests_in_flight", "Requests being answered", value=self._in_flight())
