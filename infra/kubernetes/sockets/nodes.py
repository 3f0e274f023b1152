"""Nodes that hold sockets."""

from infra.kubernetes.names import Manifest
from infra.kubernetes.nodes import pool
from infra.kubernetes.sockets.names import NODE_POOL, TAINT
from infra.settings import Settings

# For the bus, and for pods that drain while others have taken their place.
SPARE_CPUS = 2


def node_pool(settings: Settings) -> Manifest:
    """Return a NodePool on demand, whose nodes go when they are empty and at no other time to save money.

    Moving a pod costs thousands of clients their connection. A node that has drifted (from a new image, say) is
    replaced all the same, one at a time, and each when it is two weeks old: its pods drain.
    """
    return pool(
        NODE_POOL,
        vcpus=-(-2 * settings.sockets_max_replicas * settings.sockets_cpu // 1024) + SPARE_CPUS,
        capacity_types=("on-demand",),
        # Small: a node that is lost takes the sockets of a few pods with it.
        cpus=("2", "4"),
        disruption={
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": "10m",
            "budgets": [{"nodes": "1", "reasons": ["Drifted"]}, {"nodes": "50%", "reasons": ["Empty"]}],
        },
        taints=[TAINT],
    )
