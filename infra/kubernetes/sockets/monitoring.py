"""What Prometheus reads of the pods, and when it says that something is wrong."""

from typing import Any

from infra.kubernetes.names import Manifest
from infra.kubernetes.sockets.names import GATEWAY, labels, realtime
from infra.kubernetes.sockets.scaling import OF_GATEWAY
from infra.settings import Settings

SCRAPE_SECONDS = 15
# Prometheus' own, but for what it keeps: the autoscaler asks for now, alerts for the last minutes.
KEPT = "2d"


def chart_values() -> dict[str, Any]:
    """Return the values of kube-prometheus-stack: an operator, one Prometheus, one Alertmanager.

    Everything else of the chart is about the cluster, most of which EKS does not show.
    """
    left_out = (
        *("grafana", "nodeExporter", "kubeStateMetrics", "coreDns", "kubeApiServer", "kubelet"),
        *("kubeControllerManager", "kubeEtcd", "kubeProxy", "kubeScheduler"),
    )
    return {
        "defaultRules": {"create": False},
        **{part: {"enabled": False} for part in left_out},
        "prometheus": {
            "prometheusSpec": {
                "scrapeInterval": f"{SCRAPE_SECONDS}s",
                "evaluationInterval": f"{SCRAPE_SECONDS}s",
                "retention": KEPT,
                # Any ServiceMonitor and rule, not those of the chart's release alone.
                "serviceMonitorSelectorNilUsesHelmValues": False,
                "ruleSelectorNilUsesHelmValues": False,
                "resources": {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
            }
        },
    }


def service_monitor() -> Manifest:
    """Return which pods are read: all of the Service's, those that drain too. Series get the pod's label `app`."""
    return realtime(
        "ServiceMonitor",
        "monitoring.coreos.com/v1",
        {
            "selector": {"matchLabels": labels(GATEWAY)},
            "podTargetLabels": ["app"],
            "endpoints": [
                {"port": "metrics", "path": "/metrics", "interval": f"{SCRAPE_SECONDS}s", "scrapeTimeout": "10s"}
            ],
        },
        app=GATEWAY,
    )


def rules(settings: Settings) -> Manifest:
    """Return the alerts. A pod that is about to cut sockets says so by still having some when its drain is over."""
    up, active = f"up{OF_GATEWAY}", f"ws_connections_active{OF_GATEWAY}"
    overdue = settings.sockets_drain_seconds + SCRAPE_SECONDS
    alerts = [
        _alert(
            "WsGatewayTargetMissing",
            f"{up} == 0 or absent({up})",
            "2m",
            "Prometheus cannot read a pod that holds sockets, or finds none: the autoscaler does not see their sockets",
        ),
        _alert(
            "WsGatewayAtMaxReplicas",
            f"count({up} == 1) >= {settings.sockets_max_replicas}",
            "5m",
            f"There are {settings.sockets_max_replicas} pods, and the autoscaler may add none: raise "
            "sockets_max_replicas",
        ),
        _alert(
            "WsGatewayNearCapacity",
            f"sum({active}) / sum(ws_connection_capacity{OF_GATEWAY}) > 0.8",
            "5m",
            "More than 80% of the sockets that the pods take are open",
        ),
        _alert(
            "WsGatewaySocketsCut",
            f'increase(ws_connections_ended_total{{app="{GATEWAY}",reason="cut"}}[10m]) > 0 '
            f"or ({active} > 0 and min_over_time(ws_draining{OF_GATEWAY}[{overdue}s]) == 1 "
            f"and ws_draining{OF_GATEWAY} offset {overdue}s == 1)",
            "0s",
            "A pod cuts its last clients, or is about to: they do not leave within sockets_drain_seconds",
        ),
        _alert(
            "WsGatewayBusLost",
            f"ws_bus_connected{OF_GATEWAY} == 0",
            "2m",
            "A pod has no bus: what others say reaches its clients only when they ask",
        ),
    ]
    return realtime(
        "PrometheusRule",
        "monitoring.coreos.com/v1",
        {"groups": [{"name": GATEWAY, "rules": alerts}]},
        app=GATEWAY,
    )


def _alert(name: str, expression: str, lasting: str, summary: str) -> Manifest:
    return {
        "alert": name,
        "expr": expression,
        "for": lasting,
        "labels": {"severity": "warning"},
        "annotations": {"summary": summary},
    }
