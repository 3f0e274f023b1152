"""The pods, and what stands around them: identity, Service, disruption budget, network policy, target group binding."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.kubernetes import builders
from infra.kubernetes.names import LABELS, NAME, NAMESPACE, Manifest, named, restricted_namespace
from infra.settings import Settings
from infra.shared.balancer import DEREGISTRATION_SECONDS, HEALTHY, METRICS_PORT, PORT, READY, STOP_SECONDS
from infra.shared.image import COMMAND, CONTAINER


def namespace() -> Manifest:
    return restricted_namespace(NAMESPACE, LABELS)


def service_account(annotations: Mapping[str, str] | None = None, **names: Any) -> Manifest:
    """Return the pods' identity. They never speak to the Kubernetes API, so they get no token for it."""
    account = named("ServiceAccount", "v1", **names)
    if annotations:
        account["metadata"]["annotations"] = dict(annotations)
    return {**account, "automountServiceAccountToken": False}


def deployment(image: str, environment: Mapping[str, str], settings: Settings) -> Manifest:
    """Return the Deployment. It names no number of replicas: applying it again would undo what the autoscaler did."""
    container = builders.container(
        CONTAINER,
        image,
        COMMAND,
        ports={"http": PORT, "metrics": METRICS_PORT},
        cpu_millis=settings.replica_cpu * 1000 // 1024,
        memory_mib=settings.replica_memory_mb,
        env=builders.environment(environment),
        startupProbe=builders.probe(HEALTHY, "http", periodSeconds=1, failureThreshold=30),
        livenessProbe=builders.probe(HEALTHY, "http", periodSeconds=10, timeoutSeconds=3, failureThreshold=3),
        readinessProbe=builders.probe(READY, "http", periodSeconds=5, timeoutSeconds=2, failureThreshold=2),
        lifecycle={"preStop": {"sleep": {"seconds": DEREGISTRATION_SECONDS}}},
    )
    pod = builders.pod(
        container,
        account=NAME,
        terminationGracePeriodSeconds=DEREGISTRATION_SECONDS + STOP_SECONDS,
        topologySpreadConstraints=builders.spread(LABELS),
    )
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
    return named("PodDisruptionBudget", "policy/v1", builders.disruption_budget_spec(LABELS))


def network_policy(balancers: Sequence[str]) -> Manifest:
    """Return who may reach the pods, and whom they may: requests come from the balancers' subnets alone."""
    return named(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        builders.network_policy_spec(
            LABELS,
            ingress=[
                {
                    "from": [{"ipBlock": {"cidr": cidr}} for cidr in balancers],
                    "ports": [builders.port("TCP", PORT)],
                },
                {"from": [{"namespaceSelector": {}}], "ports": [builders.port("TCP", METRICS_PORT)]},
            ],
            egress=builders.egress_to_aws(),
        ),
    )


def target_group_binding(
    target_group_arn: str, api_version: str = "eks.amazonaws.com/v1", *, port: str = "http", **names: Any
) -> Manifest:
    """Return what registers the ready pods with the target group.

    EKS Auto Mode has the kind under a group of its own; with the AWS Load Balancer Controller it is
    `elbv2.k8s.aws/v1beta1`.
    """
    return named(
        "TargetGroupBinding",
        api_version,
        {
            "serviceRef": {"name": names.get("name", NAME), "port": port},
            "targetGroupARN": target_group_arn,
            "targetType": "ip",
        },
        **names,
    )
