"""Kubernetes objects out of templates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.conftest import Assembly

Object = dict[str, Any]

RESOURCE = "Custom::AWSCDK-EKS-KubernetesResource"


def objects(assembly: Assembly) -> list[Object]:
    """Return what a template applies to the cluster; a reference becomes the logical id that it names."""
    found: list[Object] = []
    for entry in assembly.resources(RESOURCE).values():
        manifest = entry["Properties"]["Manifest"]
        parts = [manifest] if isinstance(manifest, str) else manifest["Fn::Join"][1]
        text = "".join(part if isinstance(part, str) else str(part.get("Ref", "image")) for part in parts)
        found += [_without_prune_label(item) for item in json.loads(text)]
    return found


def of_kind(items: Sequence[Object], kind: str) -> Object:
    (found,) = [item for item in items if item["kind"] == kind]
    return found


def _without_prune_label(item: Object) -> Object:
    labels = {key: value for key, value in item["metadata"].pop("labels", {}).items() if "/prune-" not in key}
    if labels:
        item["metadata"]["labels"] = labels
    return item
