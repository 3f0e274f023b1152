"""How many pods there are: KEDA on open connections. Source: https://keda.sh/docs/2.20/scalers/prometheus/"""

from infra.kubernetes.names import Manifest
from infra.kubernetes.sockets.names import GATEWAY, PROMETHEUS_URL, realtime
from infra.settings import Settings

SCALER = "ws-gateway-scaler"
OF_GATEWAY = f'{{app="{GATEWAY}"}}'
CONNECTIONS = f"sum(ws_connections_active{OF_GATEWAY})"


def scaled_object(settings: Settings) -> Manifest:
    """Return the ScaledObject: that of the original design, and what keeps pods when Prometheus is away.

    A query without a result is an error, not a zero: otherwise a Prometheus that was just started, or that reaches no
    pod, would make the autoscaler take away pods full of sockets. After three errors KEDA reports as many connections
    as the pods there are would have, or the minimum when that is more.
    """
    return realtime(
        "ScaledObject",
        "keda.sh/v1alpha1",
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": GATEWAY},
            "minReplicaCount": settings.sockets_min_replicas,
            "maxReplicaCount": settings.sockets_max_replicas,
            "cooldownPeriod": 300,
            "fallback": {
                "failureThreshold": 3,
                "replicas": settings.sockets_min_replicas,
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(settings)}},
            "triggers": [
                _trigger("connections", CONNECTIONS, settings.sockets_per_replica),
                *(_optional(name, settings) for name in dict.fromkeys(settings.sockets_triggers)),
            ],
        },
        app=GATEWAY,
        name=SCALER,
    )


def _behavior(settings: Settings) -> Manifest:
    """Up at once, four pods a minute; down after ten quiet minutes, one pod in two, each with a drain of its own."""
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": settings.sockets_window_seconds,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}],
        },
    }


def _optional(name: str, settings: Settings) -> Manifest:
    """Return a trigger that can be had beside the connections: the autoscaler takes the largest of what they ask for.

    messages: a second, both directions, over a minute. backlog: what clients have not read, in bytes. capacity: the
    sockets in percent of what one pod takes, so that it follows when the capacity is changed.
    """
    queries = {
        "messages": (
            " + ".join(f"sum(rate(ws_messages_{way}_total{OF_GATEWAY}[1m]))" for way in ("received", "sent")),
            settings.sockets_messages_per_replica,
        ),
        "backlog": (f"sum(ws_send_buffer_bytes{OF_GATEWAY})", settings.sockets_backlog_mb * 2**20),
        "capacity": (
            f"100 * {CONNECTIONS} / avg(ws_connection_capacity{OF_GATEWAY})",
            100 * settings.sockets_per_replica // settings.sockets_capacity,
        ),
    }
    return _trigger(name, *queries[name])


def _trigger(name: str, query: str, threshold: int) -> Manifest:
    return {
        "type": "prometheus",
        "name": name,
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": PROMETHEUS_URL,
            "query": query,
            "threshold": str(threshold),
            "ignoreNullValues": "false",
        },
    }
