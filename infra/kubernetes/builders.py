"""What the pods of every Deployment here have in common: non-root, a read-only root, no rights beyond their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.kubernetes.names import Manifest
from infra.shared.image import ARCHITECTURE, USER

# Where the agent of EKS Pod Identity hands out credentials, on every node.
POD_IDENTITY_AGENT = "169.254.170.23/32"
EVERYWHERE = ({"ipBlock": {"cidr": "0.0.0.0/0"}},)

#: The container's variable for the address that it listens on, which is its pod's.
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}


def container(
    name: str,
    image: str,
    command: Sequence[str],
    *,
    ports: Mapping[str, int],
    cpu_millis: int,
    memory_mib: int,
    **others: Any,
) -> Manifest:
    """Return a container. It has no limit of CPU: what the node has left shortens every answer."""
    return {
        "name": name,
        "image": image,
        "command": list(command),
        "ports": [{"name": key, "containerPort": number} for key, number in ports.items()],
        "resources": {
            "requests": {"cpu": f"{cpu_millis}m", "memory": f"{memory_mib}Mi"},
            "limits": {"memory": f"{memory_mib}Mi"},
        },
        **others,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def environment(variables: Mapping[str, str]) -> list[Manifest]:
    """Return the variables of a container of ours, which listens on its pod's address alone."""
    return [
        dict(POD_IP),
        {"name": "HOST", "value": "$(POD_IP)"},
        *({"name": key, "value": value} for key, value in variables.items()),
    ]


def pod(container: Manifest, *, account: str, user: int = USER, token: bool = False, **others: Any) -> Manifest:
    """Return the spec of a pod of one container; `token`: whether it speaks to the Kubernetes API."""
    return {
        "serviceAccountName": account,
        "automountServiceAccountToken": token,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": {"kubernetes.io/arch": ARCHITECTURE},
        **others,
        "containers": [container],
    }


def spread(labels: Mapping[str, str]) -> list[Manifest]:
    """Return a wish, not a rule, to be spread over zones and nodes: a pod in the wrong zone beats one that waits."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def probe(path: str, port: str, *, tls: bool = False, **timing: int) -> Manifest:
    """Return a question over HTTP; with `tls` the kubelet does not ask whose certificate it is shown."""
    return {"httpGet": {"path": path, "port": port, **({"scheme": "HTTPS"} if tls else {})}, **timing}


def port(protocol: str, number: int) -> Manifest:
    return {"protocol": protocol, "port": number}


def disruption_budget_spec(labels: Mapping[str, str]) -> Manifest:
    """Return the budget for node drains and consolidation. What is not ready may always go: it would block a drain."""
    return {
        "maxUnavailable": 1,
        "selector": {"matchLabels": dict(labels)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def network_policy_spec(
    labels: Mapping[str, str], *, ingress: Sequence[Manifest], egress: Sequence[Manifest]
) -> Manifest:
    """Return who may reach pods, and whom they may. A node reaches its own pods in any case: probes come from there."""
    return {
        "podSelector": {"matchLabels": dict(labels)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": list(ingress),
        "egress": list(egress),
    }


def egress_to_dns() -> Manifest:
    return {"to": list(EVERYWHERE), "ports": [port("UDP", 53), port("TCP", 53)]}


def egress_to_aws() -> list[Manifest]:
    """Return the ways to AWS's services, to names, and to the node's agent for credentials."""
    return [
        {"to": list(EVERYWHERE), "ports": [port("TCP", 443)]},
        egress_to_dns(),
        {"to": [{"ipBlock": {"cidr": POD_IDENTITY_AGENT}}], "ports": [port("TCP", 80)]},
    ]
