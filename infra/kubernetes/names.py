"""Names and labels that manifests share."""

from typing import Any

Manifest = dict[str, Any]

NAME = "duplex"
NAMESPACE = "duplex"
LABELS = {"app.kubernetes.io/name": NAME}

#: Where the KEDA chart is installed, and the service account of the pod that reads CloudWatch.
KEDA_NAMESPACE = "keda"
KEDA_SERVICE_ACCOUNT = "keda-operator"


def named(kind: str, api_version: str, spec: Manifest | None = None, name: str = NAME) -> Manifest:
    """Return an object of our namespace, with our labels."""
    manifest: Manifest = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": dict(LABELS)},
    }
    return manifest if spec is None else {**manifest, "spec": spec}
