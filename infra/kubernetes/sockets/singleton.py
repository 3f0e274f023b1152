"""What stands beside the pods that hold sockets, one pod of each."""

from collections.abc import Mapping

from infra.kubernetes.names import Manifest
from infra.kubernetes.sockets.names import labels, realtime


def singleton(app: str, pod: Manifest, annotations: Mapping[str, str] | None = None) -> Manifest:
    """Return a Deployment of one pod, which has ended before the next one starts: two would contradict each other."""
    metadata: Manifest = {"labels": labels(app), **({"annotations": dict(annotations)} if annotations else {})}
    return realtime(
        "Deployment",
        "apps/v1",
        {
            "replicas": 1,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": labels(app)},
            "strategy": {"type": "Recreate"},
            "template": {"metadata": metadata, "spec": pod},
        },
        app=app,
    )
