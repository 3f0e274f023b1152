"""The controller that makes the emptiest pod go first, and no more rights than it needs for that."""

from infra.kubernetes import builders
from infra.kubernetes.names import Manifest
from infra.kubernetes.sockets.names import (
    DELETION_COST,
    GATEWAY,
    METRICS_PORT,
    NAMESPACE,
    SOCKET_PORT,
    labels,
    names,
    realtime,
)
from infra.kubernetes.sockets.singleton import singleton
from infra.kubernetes.workload import service_account
from infra.settings import Settings
from infra.shared.balancer import HEALTHY, READY

COMMAND = ("python", "-m", "pods.scale_in")
LABELS = labels(DELETION_COST)


def deletion_cost(image: str, settings: Settings) -> list[Manifest]:
    """Return its objects. It lists the namespace's pods and patches them: Kubernetes cannot say "annotations alone"."""
    variables = {
        "PORT": str(SOCKET_PORT),
        "NAMESPACE": NAMESPACE,
        "POD_SELECTOR": f"app={GATEWAY}",
        "POD_METRICS_PORT": str(METRICS_PORT),
        "TARGET_CONNECTIONS": str(settings.sockets_per_replica),
        "MIN_REPLICAS": str(settings.sockets_min_replicas),
    }
    container = builders.container(
        DELETION_COST,
        image,
        COMMAND,
        ports={"http": SOCKET_PORT},
        cpu_millis=50,
        memory_mib=128,
        env=builders.environment(variables),
        startupProbe=builders.probe(HEALTHY, "http", periodSeconds=1, failureThreshold=30),
        livenessProbe=builders.probe(HEALTHY, "http", periodSeconds=30, timeoutSeconds=5, failureThreshold=3),
        readinessProbe=builders.probe(READY, "http", periodSeconds=10, timeoutSeconds=5, failureThreshold=3),
    )
    role = realtime("Role", "rbac.authorization.k8s.io/v1", app=DELETION_COST)
    role["rules"] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "patch"]}]
    binding = realtime("RoleBinding", "rbac.authorization.k8s.io/v1", app=DELETION_COST)
    binding["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": DELETION_COST}
    binding["subjects"] = [{"kind": "ServiceAccount", "name": DELETION_COST, "namespace": NAMESPACE}]
    policy = builders.network_policy_spec(
        LABELS,
        ingress=[],
        egress=[
            # The Kubernetes API, whose address is not known beforehand.
            {"to": list(builders.EVERYWHERE), "ports": [builders.port("TCP", 443)]},
            builders.egress_to_dns(),
            {"to": [{"podSelector": {"matchLabels": labels(GATEWAY)}}], "ports": [builders.port("TCP", METRICS_PORT)]},
        ],
    )
    return [
        service_account(**names(DELETION_COST)),
        role,
        binding,
        realtime("NetworkPolicy", "networking.k8s.io/v1", policy, app=DELETION_COST),
        # Two would write the same numbers in turn.
        singleton(DELETION_COST, builders.pod(container, account=DELETION_COST, token=True)),
    ]
