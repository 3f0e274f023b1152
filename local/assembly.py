"""What `cdk synth` wrote: the stacks of a cloud assembly (cdk.out) and the files they deploy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.errors import LocalError
from local.template import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack, and its assets: S3 object key -> the staged file or folder.

    `code` are the folders of functions whose template names them itself, by logical id.
    """

    stack: Stack
    assets: Mapping[str, Path]
    code: Mapping[str, Path] = field(default_factory=dict)


def read(folder: Path) -> dict[str, Deployment]:
    """The stacks of an assembly by name; LocalError when it is not one."""
    manifest = _json(folder / "manifest.json")
    artifacts = manifest.get("artifacts")
    if not isinstance(artifacts, dict):
        raise LocalError(f"{folder / 'manifest.json'} is not the manifest of a cloud assembly: run make synth")
    try:
        deployments = dict(_deployments(folder, artifacts))
    except (AttributeError, KeyError, TypeError) as error:
        raise LocalError(
            f"{folder} is not a cloud assembly that can be read: {type(error).__name__}: {error}"
        ) from error
    stacks = [deployment.stack for deployment in deployments.values()]
    for stack in stacks:
        stack.siblings = [other for other in stacks if other is not stack]
    return deployments


def _deployments(folder: Path, artifacts: dict[str, Any]) -> Iterator[tuple[str, Deployment]]:
    for name, artifact in artifacts.items():
        if artifact.get("type") == "aws:cloudformation:stack":
            template = folder / artifact["properties"]["templateFile"]
            yield name, Deployment(Stack.read(name, template), _assets(folder, name))


def _assets(folder: Path, stack: str) -> dict[str, Path]:
    path = folder / f"{stack}.assets.json"
    files = _json(path).get("files", {}) if path.exists() else {}
    return {
        destination["objectKey"]: folder / file["source"]["path"]
        for file in files.values()
        if "path" in file["source"]  # others are made by a program when they are deployed
        for destination in file["destinations"].values()
    }


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise LocalError(f"there is no {path}: run make synth, or cdk synth") from error
    except (OSError, ValueError) as error:
        raise LocalError(f"cannot read {path}: {error}") from error
    return content if isinstance(content, dict) else {}
