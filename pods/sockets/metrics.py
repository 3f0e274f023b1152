"""What a pod counts. Plain numbers, so that counting costs nothing: the collector reads them when it is asked."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector


@dataclass(eq=False)
class SocketMetrics(Collector):
    """Gauges and counters of one pod, and the MetricsSink port for the routes."""

    capacity: int
    active: int = 0
    received: int = 0
    sent: int = 0
    unsent_bytes: int = 0
    lag_seconds: float = 0.0
    draining: bool = False
    drains: int = 0
    bus_connected: bool = False
    refused: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    hints: Counter[str] = field(default_factory=Counter)
    routes: dict[str, list[float]] = field(default_factory=dict)

    def record(self, route: str, counted: str, errors: int, milliseconds: float) -> None:  # noqa: ARG002 - by the route
        """Add one handled event to its route."""
        totals = self.routes.get(route)
        if totals is None:
            totals = self.routes[route] = [0, 0, 0.0]
        totals[0] += 1
        totals[1] += errors
        totals[2] += milliseconds

    def collect(self) -> Iterator[Metric]:
        """Everything, as Prometheus names it."""
        gauges: dict[str, tuple[str, float]] = {
            "ws_connections_active": ("Sockets that are upgraded and open", self.active),
            "ws_connection_capacity": ("Sockets that may be open", self.capacity),
            "ws_send_buffer_bytes": ("What clients have not read yet", self.unsent_bytes),
            "ws_event_loop_lag_seconds": (
                "The event loop's longest delay in ten seconds",
                self.lag_seconds,
            ),
            "ws_draining": ("1 while the pod sends its clients away", int(self.draining)),
            "ws_bus_connected": ("1 while hints from other pods arrive", int(self.bus_connected)),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(name, text, value=value)
        counters: dict[str, tuple[str, float]] = {
            "ws_messages_received": ("Messages from clients", self.received),
            "ws_messages_sent": ("Messages to clients", self.sent),
            "ws_drains": ("Drains begun", self.drains),
        }
        for name, (text, value) in counters.items():
            yield CounterMetricFamily(name, text, value=value)
        labelled = {
            "ws_handshakes_refused": ("Handshakes that were refused", "reason", self.refused),
            "ws_connections_ended": ("Sockets that have ended", "reason", self.ended),
            "ws_hints": ("Hints between pods", "outcome", self.hints),
        }
        for name, (text, label, counted) in labelled.items():
            family = CounterMetricFamily(name, text, labels=[label])
            for key, count in list(counted.items()):
                family.add_metric([key], count)
            yield family
        errors = CounterMetricFamily("ws_route_errors", "Messages that failed, by route", labels=["route"])
        latency = SummaryMetricFamily("ws_route_seconds", "Time in the backend, by route", labels=["route"])
        for route, (done, failed, milliseconds) in list(self.routes.items()):
            errors.add_metric([route], failed)
            latency.add_metric([route], int(done), milliseconds / 1000)
        yield errors
        yield latency
