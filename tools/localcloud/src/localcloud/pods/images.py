"""Images without docker: what they are built from, run by this machine's Python; and a Redis or Valkey, by its own."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.errors import LocalError
from local.pods.environment import FIELD
from local.pods.model import Exec, Sleep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.assembly import Deployment

# What the image's lock installs, installed for this machine.
PACKAGES = Path("build/host-pods/python")
_BROKER = "pods.broker"  # stands for a Redis where there is none: publish and subscribe, which is all a bus needs
_REDIS = re.compile(r"(?:.*/)?(?:redis|valkey)(?:[:@].*)?")
_PYTHON = re.compile(r"(?:.*/)?python3?(?:\.\d+)?")
_SLEEP = re.compile(r"(?:.*/)?sleep (\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Source:
    """An image's staged folder, and where else its code may import from."""

    folder: Path
    path: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What a container runs: `command` follows `program`, or `python` when that is empty."""

    folder: Path
    path: tuple[Path, ...]
    command: tuple[str, ...]
    program: str = ""
    environment: tuple[tuple[str, str], ...] = ()


def run(deployment: Deployment, where: str, container: Mapping[str, Any], ports: Mapping[str, int]) -> Run:
    """What a Kubernetes container runs; LocalError for what cannot run here."""
    command = [str(part) for part in (*(container.get("command") or ()), *(container.get("args") or ()))]
    if is_redis(container["image"]):
        return _redis(deployment, where, command, next(iter(ports.values()), 6379))
    source = find(deployment, where, container["image"])
    return Run(source.folder, source.path, python(where, command))


def is_redis(uri: str) -> bool:
    """Whether an image is the well-known one of Redis or Valkey."""
    return _REDIS.fullmatch(uri) is not None


def _redis(deployment: Deployment, where: str, command: Sequence[str], port: int) -> Run:
    options = command[1:] if command and command[0].endswith("-server") else command
    if options and not options[0].startswith("-"):
        raise LocalError(f"{where}: its configuration is options here, not the file {options[0]}")
    if program := shutil.which("redis-server") or shutil.which("valkey-server"):
        here = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        return Run(Path(tempfile.gettempdir()), (), (*options, *here), program)
    for image in deployment.images.values():
        if image.folder.joinpath(*_BROKER.split(".")).with_suffix(".py").is_file():
            variables = (("HOST", f"{FIELD}status.podIP"), ("PORT", str(port)))
            return Run(image.folder.resolve(), (), ("-m", _BROKER), environment=variables)
    raise LocalError(f"{where}: there is no redis-server on this machine: install it")


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
