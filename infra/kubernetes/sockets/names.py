"""Names of the pods that hold sockets, those of the design that they come from."""

from typing import Any

from infra.kubernetes.names import Manifest, named

NAMESPACE = "realtime"
GATEWAY = "ws-gateway"
BUS = "ws-bus"
DELETION_COST = "ws-deletion-cost"
#: Of type kubernetes.io/tls, made by cert-manager or by hand, when TLS ends in the pods.
TLS_SECRET = "ws-gateway-tls"  # noqa: S105 - its name

#: Nodes that nothing but sockets and their bus run on.
NODE_POOL = "realtime"
TAINT = {"key": "workload", "value": "sockets", "effect": "NoSchedule"}
TOLERATION = {"key": "workload", "operator": "Equal", "value": "sockets", "effect": "NoSchedule"}
ON_SOCKET_NODES = {"karpenter.sh/nodepool": NODE_POOL}

#: Where the chart of Prometheus is installed. The operator makes a Service of this name for every Prometheus.
MONITORING_NAMESPACE = "monitoring"
PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
PROMETHEUS_URL = f"http://prometheus-operated.{MONITORING_NAMESPACE}.svc:9090"

SOCKET_PORT, METRICS_PORT, ADMIN_PORT, BUS_PORT = 8080, 9090, 9091, 6379
BUS_URL = f"redis://{BUS}:{BUS_PORT}"


def labels(app: str) -> dict[str, str]:
    return {"app": app}


def realtime(kind: str, api_version: str, spec: Manifest | None = None, *, app: str, name: str = "") -> Manifest:
    """Return an object of the namespace that belongs to one of its applications."""
    return named(kind, api_version, spec, **names(app, name))


def names(app: str, name: str = "") -> dict[str, Any]:
    return {"name": name or app, "namespace": NAMESPACE, "labels": labels(app)}
