"""The pods, and what stands around them: identity, Service, disruption budget, network policy, target group binding."""

from collections.abc import Mapping, Sequence

from infra.balancer import DEREGISTRATION_SECONDS, HEALTHY, METRICS_PORT, PORT, READY, STOP_SECONDS
from infra.image import ARCHITECTURE, COMMAND, CONTAINER, USER
from infra.kubernetes.names import LABELS, NAME, NAMESPACE, Manifest, named
from infra.settings import Settings

# Where the agent of EKS Pod Identity hands out credentials, on every node.
POD_IDENTITY_AGENT = "169.254.170.23/32"


def namespace() -> Manifest:
    """Return the namespace, which refuses pods that want more than ours do."""
    labels = {**LABELS, "pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def service_account(annotations: Mapping[str, str] | None = None) -> Manifest:
    """Return the pods' identity. They never speak to the Kubernetes API, so they get no token for it."""
    account = named("ServiceAccount", "v1")
    if annotations:
        account["metadata"]["annotations"] = dict(annotations)
    return {**account, "automountServiceAccountToken": False}


def deployment(image: str, environment: Mapping[str, str], settings: Settings) -> Manifest:
    """Return the Deployment. It names no number of replicas: applying it again would undo what the autoscaler did."""
    variables = [{"name": key, "value": value} for key, value in environment.items()]
    address = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    container = {
        "name": CONTAINER,
        "image": image,
        "command": list(COMMAND),
        "env": [address, {"name": "HOST", "value": "$(POD_IP)"}, *variables],
        "ports": [{"name": "http", "containerPort": PORT}, {"name": "metrics", "containerPort": METRICS_PORT}],
        "resources": {
            # No limit of CPU: what the node has left shortens every answer.
            "requests": {"cpu": f"{settings.replica_cpu * 1000 // 1024}m", "memory": f"{settings.replica_memory_mb}Mi"},
            "limits": {"memory": f"{settings.replica_memory_mb}Mi"},
        },
        "startupProbe": _probe(HEALTHY, periodSeconds=1, failureThreshold=30),
        "livenessProbe": _probe(HEALTHY, periodSeconds=10, timeoutSeconds=3, failureThreshold=3),
        "readinessProbe": _probe(READY, periodSeconds=5, timeoutSeconds=2, failureThreshold=2),
        "lifecycle": {"preStop": {"sleep": {"seconds": DEREGISTRATION_SECONDS}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    pod = {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DEREGISTRATION_SECONDS + STOP_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": {"kubernetes.io/arch": ARCHITECTURE},
        "topologySpreadConstraints": [_spread("topology.kubernetes.io/zone"), _spread("kubernetes.io/hostname")],
        "containers": [container],
    }
    return named(
        "Deployment",
        "apps/v1",
        {
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": dict(LABELS)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": {"metadata": {"labels": dict(LABELS)}, "spec": pod},
        },
    )


def service() -> Manifest:
    """Return the Service that the target group binding takes the ready pods' addresses from."""
    ports = [
        {"name": "http", "port": 80, "targetPort": "http"},
        {"name": "metrics", "port": 9090, "targetPort": "metrics"},
    ]
    return named("Service", "v1", {"type": "ClusterIP", "selector": dict(LABELS), "ports": ports})


def disruption_budget() -> Manifest:
    """Return the budget for node drains and consolidation. What is not ready may always go: it would block a drain."""
    return named(
        "PodDisruptionBudget",
        "policy/v1",
        {
            "maxUnavailable": 1,
            "selector": {"matchLabels": dict(LABELS)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    )


def network_policy(balancers: Sequence[str]) -> Manifest:
    """Return who may reach the pods, and whom they may: requests come from the balancers' subnets alone.

    A node reaches its own pods in any case, which is where probes come from.
    """
    everywhere = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]
    return named(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        {
            "podSelector": {"matchLabels": dict(LABELS)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [{"ipBlock": {"cidr": cidr}} for cidr in balancers], "ports": [_port("TCP", PORT)]},
                {"from": [{"namespaceSelector": {}}], "ports": [_port("TCP", METRICS_PORT)]},
            ],
            "egress": [
                {"to": everywhere, "ports": [_port("TCP", 443)]},
                {"to": everywhere, "ports": [_port("UDP", 53), _port("TCP", 53)]},
                {"to": [{"ipBlock": {"cidr": POD_IDENTITY_AGENT}}], "ports": [_port("TCP", 80)]},
            ],
        },
    )


def target_group_binding(target_group_arn: str, api_version: str = "eks.amazonaws.com/v1") -> Manifest:
    """Return what registers the ready pods with the target group.

    EKS Auto Mode has the kind under a group of its own; with the AWS Load Balancer Controller it is
    `elbv2.k8s.aws/v1beta1`.
    """
    return named(
        "TargetGroupBinding",
        api_version,
        {"serviceRef": {"name": NAME, "port": "http"}, "targetGroupARN": target_group_arn, "targetType": "ip"},
    )


def _probe(path: str, **timing: int) -> Manifest:
    return {"httpGet": {"path": path, "port": "http"}, **timing}


def _spread(topology_key: str) -> Manifest:
    """Return a wish, not a rule: a pod in the wrong zone is better than a pod that waits."""
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(LABELS)},
    }


def _port(protocol: str, port: int) -> Manifest:
    return {"protocol": protocol, "port": port}
