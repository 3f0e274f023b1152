"""What `cdk synth` wrote: the stacks of a cloud assembly (cdk.out) and the files they deploy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.errors import LocalError
from local.template import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack, and its assets: S3 object key -> the staged file or folder."""

    stack: Stack
    assets: Mapping[str, Path]


def read(folder: Path) -> dict[str, Deployment]:
    """The stacks of an assembly by name; LocalError when it is not one."""
    manifest = _json(folder / "manifest.json")
    artifacts = manifest.get("artifacts")
    if not isinstance(artifacts, dict):
        raise LocalError(f"{folder / 'manifest.json'} is not the manifest of a cloud assembly: run make synth")
    return {
        name: Deployment(Stack.read(name, folder / artifact["properties"]["templateFile"]), _assets(folder, name))
        for name, artifact in artifacts.items()
        if artifact.get("type") == "aws:cloudformation:stack"
    }


def _assets(folder: Path, stack: str) -> dict[str, Path]:
    path = folder / f"{stack}.assets.json"
    files = _json(path).get("files", {}) if path.exists() else {}
    return {
        destination["objectKey"]: folder / file["source"]["path"]
        for file in files.values()
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
