"""Names and labels that manifests share."""

from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]

NAME = "duplex"
NAMESPACE = "duplex"
LABELS = {"app.kubernetes.io/name": NAME}

#: Where the KEDA chart is installed, and the service account of the pod that reads CloudWatch.
KEDA_NAMESPACE = "keda"
KEDA_SERVICE_ACCOUNT = "keda-operator"


def named(
    kind: str,
    api_version: str,
    spec: Manifest | None = None,
    *,
    name: str = NAME,
    namespace: str = NAMESPACE,
    labels: Mapping[str, str] = LABELS,
) -> Manifest:
    """Return an object of a namespace, with the labels of an application: those of the pods behind API Gateway."""
    manifest: Manifest = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
    }
    return manifest if spec is None else {**manifest, "spec": spec}


def restricted_namespace(name: str, labels: Mapping[str, str]) -> Manifest:
    """Return a namespace which refuses pods that want more than ours do."""
    labels = {**labels, "pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
