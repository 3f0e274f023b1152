"""Nodes, and what KEDA needs: what a cluster of EKS Auto Mode has before the application comes."""

from collections.abc import Mapping, Sequence

from infra.kubernetes.names import Manifest
from infra.settings import Settings
from infra.shared.image import ARCHITECTURE

NODE_POOL = "duplex"

# Beside the application: KEDA, and an update that runs old pods and new ones at a time.
SPARE_CPUS = 4


def node_pool(settings: Settings) -> Manifest:
    """Return a Karpenter NodePool of small arm64 nodes, spot where there is some.

    Pods hold no sockets, so a spot node may go whenever it has to: what it costs is a drain.
    """
    return pool(
        NODE_POOL,
        vcpus=-(-2 * settings.max_replicas * settings.replica_cpu // 1024) + SPARE_CPUS,
        capacity_types=("spot", "on-demand"),
        cpus=("2", "4", "8"),
        disruption={
            "consolidationPolicy": "WhenEmptyOrUnderutilized",
            "consolidateAfter": "5m",
            "budgets": [
                # One at a time while pods are moved to save money; an empty node may go with others.
                {"nodes": "1", "reasons": ["Underutilized", "Drifted"]},
                {"nodes": "50%", "reasons": ["Empty"]},
            ],
        },
    )


def pool(
    name: str,
    *,
    vcpus: int,
    capacity_types: Sequence[str],
    cpus: Sequence[str],
    disruption: Manifest,
    taints: Sequence[Mapping[str, str]] = (),
) -> Manifest:
    """Return a NodePool of arm64 nodes with `vcpus` in all. The NodeClass `default` comes with Auto Mode."""
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {
            "template": {
                "spec": {
                    "nodeClassRef": {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"},
                    **({"taints": [dict(taint) for taint in taints]} if taints else {}),
                    "requirements": [
                        _in("kubernetes.io/arch", ARCHITECTURE),
                        _in("karpenter.sh/capacity-type", *capacity_types),
                        _in("eks.amazonaws.com/instance-category", "c", "m", "r"),
                        _in("eks.amazonaws.com/instance-cpu", *cpus),
                        {"key": "eks.amazonaws.com/instance-generation", "operator": "Gt", "values": ["6"]},
                    ],
                    # Auto Mode replaces a node after 21 days at the latest.
                    "expireAfter": "336h",
                    # More than any pod takes to drain: then those go, too, that do not want to be disrupted.
                    "terminationGracePeriod": "1h",
                },
            },
            "disruption": disruption,
            "limits": {"cpu": str(vcpus), "memory": f"{4 * vcpus}Gi"},
        },
    }


def network_policies() -> Manifest:
    """Return the switch that makes Auto Mode's nodes enforce network policies: they are ignored without it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "amazon-vpc-cni", "namespace": "kube-system"},
        "data": {"enable-network-policy-controller": "true"},
    }


def _in(key: str, *values: str) -> Manifest:
    return {"key": key, "operator": "In", "values": list(values)}
