"""What a pod counts: for Prometheus, and as lines for CloudWatch under the names that the functions use."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from backend.emf import EmfBatches

#: Seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class PodMetrics:
    """The MetricsSink port of a pod. Routes are the backend's names, so that clients name no label."""

    def __init__(self, backend: str, in_flight: Callable[[], float]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when a label came up first is no use to anybody
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.lines = EmfBatches(backend)
        self._latency = Histogram(
            "duplex_latency_seconds",
            "Time in the backend, by route; its count is that of events",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._messages = Counter("duplex_messages", "Messages answered", registry=self.registry)
        self._errors = Counter("duplex_errors", "Events that failed, by route", ["route"], registry=self.registry)
        self._refused = Counter(
            "duplex_refused", "Requests not answered, by HTTP status", ["status"], registry=self.registry
        )
        Gauge("duplex_requests_in_flight", "Requests being answered", registry=self.registry).set_function(in_flight)
        self._routes: dict[str, tuple[Histogram, Counter]] = {}

    def record(self, route: str, **values: float) -> None:
        """One handled event, from any thread: counts by metric name, and `Latency` in milliseconds."""
        known = self._routes.get(route)
        if known is None:  # looking a label up costs as much as all the rest
            known = self._routes[route] = (self._latency.labels(route), self._errors.labels(route))
        latency, errors = known
        latency.observe(values["Latency"] / 1000)
        if values["Errors"]:
            errors.inc(values["Errors"])
        if "Messages" in values:
            self._messages.inc(values["Messages"])
        self.lines.record(route, **values)

    def refuse(self, status: int) -> None:
        """One request that was refused."""
        self._refused.labels(str(status)).inc()
