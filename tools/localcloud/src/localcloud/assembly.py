"""What `cdk synth` wrote: the stacks of a cloud assembly (cdk.out) and the files they deploy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud import metadata
from localcloud.errors import LocalError
from localcloud.template import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Image:
    """What a container image is built from: a staged folder, and the Dockerfile in it."""

    folder: Path
    dockerfile: Path


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack, and its assets: S3 object key -> the staged file or folder, image tag -> what it is built from.

    `code` are the folders of functions whose template names them itself, by logical id. `home` is the app's folder.
    """

    stack: Stack
    assets: Mapping[str, Path]
    code: Mapping[str, Path] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    home: Path = field(default_factory=Path.cwd)


def read(folder: Path) -> dict[str, Deployment]:
    """The stacks of an assembly by name; LocalError when it is not one."""
    manifest = _json(folder / "manifest.json")
    artifacts = manifest.get("artifacts")
    if not isinstance(artifacts, dict):
        raise LocalError(f"{folder / 'manifest.json'} is not the manifest of a cloud assembly: run cdk synth")
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
    home = metadata.home(folder)
    for name, artifact in artifacts.items():
        if artifact.get("type") == "aws:cloudformation:stack":
            template = folder / artifact["properties"]["templateFile"]
            assets, images = _assets(folder, name), _images(folder, name)
            yield name, Deployment(Stack.read(name, template), assets, images=images, home=home)


def _assets(folder: Path, stack: str) -> dict[str, Path]:
    files = _asset_manifest(folder, stack).get("files", {})
    return {
        destination["objectKey"]: folder / file["source"]["path"]
        for file in files.values()
        if "path" in file["source"]  # others are made by a program when they are deployed
        for destination in file["destinations"].values()
    }


def _images(folder: Path, stack: str) -> dict[str, Image]:
    images = _asset_manifest(folder, stack).get("dockerImages", {})
    return {
        destination["imageTag"]: Image(
            staged := folder / image["source"]["directory"], staged / image["source"].get("dockerFile", "Dockerfile")
        )
        for image in images.values()
        if "directory" in image["source"]
        for destination in image["destinations"].values()
    }


def _asset_manifest(folder: Path, stack: str) -> dict[str, Any]:
    path = folder / f"{stack}.assets.json"
    return _json(path) if path.exists() else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        todo = "run cdk synth (or make synth) in your app's folder, name it with --assembly, or name a template with"
        raise LocalError(f"there is no {path}: {todo} --template") from error
    except (OSError, ValueError) as error:
        raise LocalError(f"cannot read {path}: {error}") from error
    return content if isinstance(content, dict) else {}
