"""ServiceMonitors: where a Prometheus finds the metrics of pods, and which labels it gives them.

Source: "ServiceMonitor" and "Endpoint" of https://prometheus-operator.dev/docs/api-reference/api/, and
generateServiceMonitorConfig in prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.pods.manifests import Object

_DURATION = re.compile(r"(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_DEFAULT_SECONDS = 30.0  # scrapeInterval of the Prometheus that the operator runs


@dataclass(frozen=True, slots=True)
class Scrape:
    """A pod's port with metrics, asked every `interval` seconds; `labels` without those that name the pod."""

    job: str
    port: int
    path: str = "/metrics"
    interval: float = _DEFAULT_SECONDS
    labels: Mapping[str, str] = field(default_factory=dict)


def scrapes(
    objects: list[Object], services: list[Object], pod_labels: Mapping[str, str], ports: Mapping[str, int]
) -> Iterator[Scrape]:
    """What is to be asked of pods with these labels and ports behind these Services; LocalError for what is not
    understood."""
    for monitor in objects:
        if monitor.kind != "ServiceMonitor":
            continue
        selector = monitor.spec["selector"]
        if selector.keys() - {"matchLabels"}:
            raise monitor.error("a ServiceMonitor selects by matchLabels here")
        for service in services:
            if _watches(monitor, service) and selector.get("matchLabels", {}).items() <= service.labels.items():
                for endpoint in monitor.spec["endpoints"]:
                    yield _scrape(monitor, endpoint, service, pod_labels, ports)


def _watches(monitor: Object, service: Object) -> bool:
    spaces = monitor.spec.get("namespaceSelector") or {}
    return bool(spaces.get("any")) or service.namespace in (spaces.get("matchNames") or [monitor.namespace])


def _scrape(
    monitor: Object,
    endpoint: Mapping[str, Any],
    service: Object,
    pod_labels: Mapping[str, str],
    ports: Mapping[str, int],
) -> Scrape:
    if unknown := endpoint.keys() - {
        "port",
        "targetPort",
        "path",
        "interval",
        "scrapeTimeout",
        "scheme",
        "honorLabels",
    }:
        raise monitor.error(f"an endpoint's {min(unknown)} is not understood here")
    if endpoint.get("scheme", "http").lower() != "http":
        raise monitor.error("metrics are asked for by plain HTTP here")
    port = endpoint.get("targetPort")
    if port is None:
        named = [one for one in service.spec["ports"] if one.get("name") == endpoint.get("port")]
        if not named:
            raise monitor.error(f"the Service {service.name} has no port {endpoint.get('port')!r}")
        port = named[0].get("targetPort", named[0]["port"])
    number = int(port) if isinstance(port, int) or port.isdigit() else ports[port]
    labels = {"namespace": service.namespace, "service": service.name, "endpoint": str(endpoint.get("port") or port)}
    for wanted, given in (("targetLabels", service.labels), ("podTargetLabels", pod_labels)):
        for name in monitor.spec.get(wanted) or ():
            if name in given:
                labels[re.sub(r"[^a-zA-Z0-9_]", "_", name)] = given[name]
    job = service.labels.get(str(monitor.spec.get("jobLabel")), service.name)
    return Scrape(job, number, str(endpoint.get("path") or "/metrics"), _seconds(monitor, endpoint), labels)


def _seconds(monitor: Object, endpoint: Mapping[str, Any]) -> float:
    text = endpoint.get("interval")
    if text is None:
        return _DEFAULT_SECONDS
    found = _DURATION.fullmatch(str(text))
    minutes, seconds, milliseconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    if not (total := minutes * 60 + seconds + milliseconds / 1000):
        raise monitor.error(f"an interval is minutes and seconds such as 1m30s here, not {text!r}")
    return total
