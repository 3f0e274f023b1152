"""The objects that a stack applies to its cluster. CDK has them as a JSON array in a custom resource."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localcloud import resources
from localcloud.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.assembly import Deployment

Manifest = dict[str, Any]

# What makes no difference on one machine: identities, policies, budgets, nodes, alerts.
LEFT_ASIDE = {
    *("ConfigMap", "LimitRange", "Namespace", "NetworkPolicy", "NodeClass", "NodePool", "PodDisruptionBudget"),
    *("PriorityClass", "PrometheusRule", "ResourceQuota", "Role", "RoleBinding", "ServiceAccount", "StorageClass"),
    *("ClusterRole", "ClusterRoleBinding", "ClusterTriggerAuthentication", "TriggerAuthentication"),
}
READ = {"Deployment", "Service", "ServiceMonitor", "TargetGroupBinding", "ScaledObject"}


class Object:
    """A manifest, and what errors call it: the resource it stands in, its kind and its name."""

    def __init__(self, resource: str, manifest: Manifest) -> None:
        metadata = manifest.get("metadata") or {}
        self.kind = str(manifest.get("kind"))
        self.name = str(metadata.get("name"))
        self.where = f"{resource}, {self.kind} {self.name}"
        self.namespace = str(metadata.get("namespace") or "default")
        self.labels: Mapping[str, str] = metadata.get("labels") or {}
        self.spec: Manifest = manifest.get("spec") or {}

    def error(self, text: str) -> LocalError:
        return LocalError(f"{self.where}: {text}")


def read(deployment: Deployment) -> list[Object]:
    """All of a stack; LocalError, by the object, for a kind that does not run here."""
    objects = [Object(where, manifest) for where, manifest in _manifests(deployment)]
    for one in objects:
        if one.kind not in READ | LEFT_ASIDE:
            raise one.error("manifests of this kind do not run here")
    return objects


def _manifests(deployment: Deployment) -> Iterator[tuple[str, Manifest]]:
    stack = deployment.stack
    for logical_id in stack.resources(resources.KUBERNETES_MANIFEST):
        where = f"{stack.name}.{logical_id}"
        text = stack.property(logical_id, "Manifest")
        try:
            found = json.loads(text)
        except (TypeError, ValueError) as error:
            raise LocalError(f"{where}: its Manifest is no JSON: {error}") from error
        for manifest in found if isinstance(found, list) else [found]:
            if not isinstance(manifest, dict):
                raise LocalError(f"{where}: its Manifest is not a list of objects")
            yield where, manifest
