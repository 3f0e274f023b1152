"""What a template tells this tool: `Metadata`, which CloudFormation leaves aside.

A template's own is `"Metadata": {"localcloud": {"name": …, "port": …, "packages": …}}`, all of it optional. A layer has
`"localcloud:layer"`, a function `"localcloud:source"`. Folders are relative to the app's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from localcloud.errors import LocalError

if TYPE_CHECKING:
    from localcloud.template import Stack

STACK = "localcloud"
LAYER = "localcloud:layer"
"""A folder whose `python` has what a layer has, installed for this machine: its own wheels may be built for Lambda's
platform only."""
SOURCE = "localcloud:source"
"""The folder that a function's asset was staged from: edits there take effect without a synth."""


class StackMetadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name` is what the stack runs as, by default its own name; `port` is added to the console's, and is 566 for AWS;
    `packages` is a folder whose `python` has what the images of its containers install, for this machine."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    port: Annotated[int, msgspec.Meta(ge=1, le=565)] | None = None
    packages: str | None = None


def read(stack: Stack) -> StackMetadata | None:
    """That of a template, if it has any; LocalError for what cannot be used."""
    match stack.own_metadata:
        case {"localcloud": given}:
            try:
                return msgspec.convert(given, StackMetadata)
            except msgspec.ValidationError as error:
                raise LocalError(f"{stack.name}: its metadata {STACK} cannot be used: {error}") from error
    return None


def home(beside: Path) -> Path:
    """The app's folder: the nearest one at or above a folder that has a cdk.json, or else the current one."""
    beside = beside.resolve()
    return next((folder for folder in (beside, *beside.parents) if (folder / "cdk.json").is_file()), Path.cwd())


def python(where: str, key: str, folder: Path) -> Path:
    """The packages in a folder that metadata names; LocalError when they are not there."""
    if not (found := folder / "python").is_dir():
        raise LocalError(f"{where}: there is no {found}, which its metadata {key} names: build it first (make install)")
    return found.resolve()
