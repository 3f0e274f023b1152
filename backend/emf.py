"""Metrics as CloudWatch embedded metric format: one line on stdout an event, no call to make.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
What belongs to a route has two sets of dimensions: `service`, `backend` and `route`, and, over all routes, `service`
and `backend`, which is what autoscalers read. A gauge has the second set alone. A reader must name a set in full.
"""

from collections.abc import Mapping

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

_UNITS = {"Latency": MetricUnit.Milliseconds}


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
        self._provider.add_dimension("route", route)
        self._provider.add_dimensions(**self._whole)
        self._print(values)

    def gauge(self, **values: float) -> None:
        """Print one line without a route."""
        self._print(values)

    def _print(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._provider.add_metric(name, _UNITS.get(name, MetricUnit.Count), value)
        self._provider.flush_metrics()
