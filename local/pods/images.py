"""Images without docker: what they are built from, run by this machine's Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import LocalError
from local.pods.model import Exec, Sleep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.assembly import Deployment

# What the image's lock installs, installed for this machine.
PACKAGES = Path("build/host-pods/python")
_PYTHON = re.compile(r"(?:.*/)?python3?(?:\.\d+)?")
_SLEEP = re.compile(r"(?:.*/)?sleep (\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Source:
    """An image's staged folder, and where else its code may import from."""

    folder: Path
    path: tuple[Path, ...]


def find(deployment: Deployment, where: str, uri: str) -> Source:
    """What an image is built from; LocalError for one that is not an asset of this assembly."""
    image = deployment.images.get(uri.rpartition(":")[2])
    if image is None or not image.folder.is_dir():
        raise LocalError(f"{where}: the image {uri} is no docker asset of this assembly: run make synth")
    if not image.dockerfile.with_name("requirements.txt").is_file():
        return Source(image.folder.resolve(), ())
    if not PACKAGES.is_dir():
        raise LocalError(f"{where}: there is no {PACKAGES}, with what its image installs: run make install")
    return Source(image.folder.resolve(), (PACKAGES.resolve(),))


def python(where: str, command: Sequence[str]) -> tuple[str, ...]:
    """What follows `python` in a command; LocalError for another program, which is not there without the image."""
    if len(command) < 2 or not _PYTHON.fullmatch(command[0]):
        raise LocalError(f"{where}: its command has to be python with arguments to run here, not {' '.join(command)!r}")
    return tuple(command[1:])


def beside(where: str, command: Sequence[str]) -> Exec | Sleep:
    """A command beside the container's own: python, or a plain sleep."""
    plain = command[2:] if list(command[:2]) in (["sh", "-c"], ["/bin/sh", "-c"]) else command
    if (sleep := _SLEEP.fullmatch(" ".join(plain))) is not None:
        return Sleep(float(sleep[1]))
    return Exec(python(where, command))
