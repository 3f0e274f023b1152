"""The bus between pods: one Valkey that keeps nothing. What it carries are hints, so losing it loses no message."""

from infra.kubernetes import builders
from infra.kubernetes.names import Manifest
from infra.kubernetes.sockets.names import BUS, BUS_PORT, GATEWAY, ON_SOCKET_NODES, TOLERATION, labels, names, realtime
from infra.kubernetes.sockets.singleton import singleton
from infra.kubernetes.workload import service_account
from infra.settings import Settings

IMAGE = "public.ecr.aws/valkey/valkey:8.1.10"
USER = 999  # the image's own
LABELS = labels(BUS)

# A pod that cannot take its hints is let go of with so much unsent: it connects again, and its clients catch up.
UNSENT_MIB = 4
BASE_MIB = 64

# Nothing is written to disk. Whoever connects may publish and subscribe to our channels, and no more.
COMMAND = (
    "valkey-server",
    *("--port", str(BUS_PORT), "--protected-mode", "no", "--save", "", "--appendonly", "no"),
    *("--client-output-buffer-limit", "pubsub", f"{UNSENT_MIB}mb", f"{UNSENT_MIB // 2}mb", "10"),
    *("--user", "default", "on", "nopass", "resetkeys", "resetchannels", "&duplex:*"),
    *("-@all", "+@pubsub", "+@connection", "-@dangerous"),
)


def bus(settings: Settings) -> list[Manifest]:
    """Return its objects. It stands on a node of the sockets, where nothing is moved to save money."""
    container = builders.container(
        BUS,
        IMAGE,
        COMMAND,
        ports={"bus": BUS_PORT},
        cpu_millis=100,
        memory_mib=BASE_MIB + UNSENT_MIB * settings.sockets_max_replicas,
        livenessProbe={"tcpSocket": {"port": "bus"}, "periodSeconds": 10, "failureThreshold": 3},
        readinessProbe={"tcpSocket": {"port": "bus"}, "periodSeconds": 5},
    )
    gone = [
        {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 15}
        for key in ("not-ready", "unreachable")
    ]
    pod = builders.pod(container, account=BUS, user=USER, tolerations=[dict(TOLERATION), *gone])
    pod["nodeSelector"] |= ON_SOCKET_NODES
    ports = [{"name": "bus", "port": BUS_PORT, "targetPort": "bus"}]
    policy = builders.network_policy_spec(
        LABELS,
        ingress=[
            {"from": [{"podSelector": {"matchLabels": labels(GATEWAY)}}], "ports": [builders.port("TCP", BUS_PORT)]}
        ],
        egress=[],
    )
    return [
        service_account(**names(BUS)),
        realtime("NetworkPolicy", "networking.k8s.io/v1", policy, app=BUS),
        realtime("Service", "v1", {"type": "ClusterIP", "selector": dict(LABELS), "ports": ports}, app=BUS),
        # Two at a time would each have half of the pods, and nobody would notice.
        singleton(BUS, pod, {"karpenter.sh/do-not-disrupt": "true"}),
    ]
