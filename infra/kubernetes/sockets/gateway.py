"""The pods that hold sockets, and what stands around them."""

from collections.abc import Mapping, Sequence

from infra.kubernetes import builders
from infra.kubernetes.names import Manifest, restricted_namespace
from infra.kubernetes.sockets.names import (
    ADMIN_PORT,
    BUS,
    BUS_PORT,
    BUS_URL,
    DELETION_COST,
    GATEWAY,
    METRICS_PORT,
    MONITORING_NAMESPACE,
    NAMESPACE,
    ON_SOCKET_NODES,
    PROMETHEUS,
    SOCKET_PORT,
    TLS_SECRET,
    TOLERATION,
    labels,
    realtime,
)
from infra.settings import Settings
from infra.shared.balancer import HEALTHY, READY
from infra.shared.image import USER

COMMAND = ("python", "-m", "pods.sockets")
TLS_FOLDER = "/etc/tls"
LABELS = labels(GATEWAY)

# The image has Python and no curl.
DRAIN = (
    "import time, urllib.request as r; time.sleep({seconds}); "
    "r.urlopen(r.Request('http://127.0.0.1:{port}/drain', method='POST'), timeout=5)"
)


def namespace() -> Manifest:
    return restricted_namespace(NAMESPACE, {"app.kubernetes.io/part-of": "duplex"})


def pod_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that say how a pod holds sockets; what it says to AWS comes beside them."""
    asked_for = {
        "ALLOWED_ORIGINS": ",".join(settings.sockets_origins),
        "REBALANCE_PERCENT": str(settings.sockets_rebalance_percent or ""),
        "TLS_CERTIFICATE": f"{TLS_FOLDER}/tls.crt" if settings.tls_in_pod else "",
        "TLS_KEY": f"{TLS_FOLDER}/tls.key" if settings.tls_in_pod else "",
    }
    return {
        "PORT": str(SOCKET_PORT),
        "METRICS_PORT": str(METRICS_PORT),
        "ADMIN_PORT": str(ADMIN_PORT),
        "BUS_URL": BUS_URL,
        "MAX_CONNECTIONS": str(settings.sockets_capacity),
        "PING_SECONDS": str(settings.sockets_ping_seconds),
        "IDLE_SECONDS": str(settings.sockets_idle_seconds),
        "DRAIN_SECONDS": str(settings.sockets_drain_seconds),
        "GRACE_SECONDS": str(settings.sockets_shutdown_seconds),
        **{name: value for name, value in asked_for.items() if value},
    }


def deployment(image: str, environment: Mapping[str, str], settings: Settings) -> Manifest:
    """Return the Deployment. It names no number of replicas: applying it again would undo what the autoscaler did.

    A pod that is to go serves on until the balancer has forgotten it, and then drains: its preStop hook says when, and
    SIGTERM, which follows, says it again. A rollout waits for one wave's drain before the next, so that clients which
    had to reconnect are spread over the pods there will be.
    """
    tls = settings.tls_in_pod
    mounts: Manifest = {"volumeMounts": [{"name": "tls", "mountPath": TLS_FOLDER, "readOnly": True}]} if tls else {}
    # Readable by the pod's group: the process is not root.
    volumes: Manifest = (
        {"volumes": [{"name": "tls", "secret": {"secretName": TLS_SECRET, "defaultMode": 0o440}}]} if tls else {}
    )
    container = builders.container(
        GATEWAY,
        image,
        COMMAND,
        ports={"ws": SOCKET_PORT, "metrics": METRICS_PORT},
        cpu_millis=settings.sockets_cpu * 1000 // 1024,
        memory_mib=settings.sockets_memory_mb,
        env=builders.environment({**environment, **pod_environment(settings)}),
        startupProbe=builders.probe(HEALTHY, "ws", tls=tls, periodSeconds=1, failureThreshold=30),
        # A pod under load is slow before it is dead, and killing it cuts everybody.
        livenessProbe=builders.probe(HEALTHY, "ws", tls=tls, periodSeconds=10, timeoutSeconds=5, failureThreshold=6),
        readinessProbe=builders.probe(READY, "ws", tls=tls, periodSeconds=5, timeoutSeconds=3, failureThreshold=2),
        lifecycle={"preStop": {"exec": {"command": _drain(settings.sockets_prestop_seconds)}}},
        **mounts,
    )
    pod = builders.pod(
        container,
        account=GATEWAY,
        terminationGracePeriodSeconds=settings.sockets_grace_seconds,
        topologySpreadConstraints=builders.spread(LABELS),
        tolerations=[dict(TOLERATION)],
        **volumes,
    )
    pod["nodeSelector"] |= ON_SOCKET_NODES
    if tls:
        pod["securityContext"]["fsGroup"] = USER
    return realtime(
        "Deployment",
        "apps/v1",
        {
            "revisionHistoryLimit": 3,
            "minReadySeconds": settings.sockets_drain_seconds,
            "progressDeadlineSeconds": 600 + settings.sockets_drain_seconds,
            "selector": {"matchLabels": dict(LABELS)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": {
                "metadata": {
                    "labels": dict(LABELS),
                    # Karpenter moves nobody to save money; a node that is too old goes all the same.
                    "annotations": {"karpenter.sh/do-not-disrupt": "true"},
                },
                "spec": pod,
            },
        },
        app=GATEWAY,
    )


def _drain(seconds: int) -> list[str]:
    return ["python", "-c", DRAIN.format(seconds=seconds, port=ADMIN_PORT)]


def service() -> Manifest:
    """Return the Service that the balancer takes the ready pods from, and Prometheus all of them."""
    ports = [
        {"name": "ws", "port": 80, "targetPort": "ws"},
        {"name": "metrics", "port": METRICS_PORT, "targetPort": "metrics"},
    ]
    return realtime("Service", "v1", {"type": "ClusterIP", "selector": dict(LABELS), "ports": ports}, app=GATEWAY)


def disruption_budget() -> Manifest:
    return realtime("PodDisruptionBudget", "policy/v1", builders.disruption_budget_spec(LABELS), app=GATEWAY)


def network_policy(balancers: Sequence[str]) -> Manifest:
    """Return who may reach the pods: clients by the balancer, Prometheus and the deletion cost's controller."""
    monitoring = {"matchLabels": {"kubernetes.io/metadata.name": MONITORING_NAMESPACE}}
    return realtime(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        builders.network_policy_spec(
            LABELS,
            ingress=[
                {
                    "from": [{"ipBlock": {"cidr": cidr}} for cidr in balancers],
                    "ports": [builders.port("TCP", SOCKET_PORT)],
                },
                {
                    "from": [
                        {"namespaceSelector": monitoring, "podSelector": {"matchLabels": dict(PROMETHEUS)}},
                        {"podSelector": {"matchLabels": labels(DELETION_COST)}},
                    ],
                    "ports": [builders.port("TCP", METRICS_PORT)],
                },
            ],
            egress=[
                *builders.egress_to_aws(),
                {"to": [{"podSelector": {"matchLabels": labels(BUS)}}], "ports": [builders.port("TCP", BUS_PORT)]},
            ],
        ),
        app=GATEWAY,
    )
