"""Images without docker: what they are built from, run by this machine's Python; and a Redis or Valkey, by its own."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud import metadata
from localcloud.errors import LocalError
from localcloud.pods.environment import FIELD
from localcloud.pods.model import Exec, Sleep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localcloud.assembly import Deployment

_REDIS = re.compile(r"(?:.*/)?(?:redis|valkey)(?:[:@].*)?")
_PYTHON = re.compile(r"(?:.*/)?python3?(?:\.\d+)?")
_SLEEP = re.compile(r"(?:.*/)?sleep (\d+(?:\.\d+)?)")


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
        return _redis(where, command, next(iter(ports.values()), 6379))
    return built(deployment, where, container["image"], command)


def is_redis(uri: str) -> bool:
    """Whether an image is the well-known one of Redis or Valkey."""
    return _REDIS.fullmatch(uri) is not None


def _redis(where: str, command: Sequence[str], port: int) -> Run:
    """This machine's own, or else the broker: publish and subscribe, which is all a bus needs."""
    options = command[1:] if command and command[0].endswith("-server") else command
    if options and not options[0].startswith("-"):
        raise LocalError(f"{where}: its configuration is options here, not the file {options[0]}")
    if program := shutil.which("redis-server") or shutil.which("valkey-server"):
        here = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        return Run(Path(tempfile.gettempdir()), (), (*options, *here), program)
    variables = (("HOST", f"{FIELD}status.podIP"), ("PORT", str(port)))
    # -P: what others have put into the folder for temporary files is not to be imported.
    broker = ("-P", "-m", "localcloud.pods.broker")
    return Run(Path(tempfile.gettempdir()), (), broker, sys.executable, variables)


def built(deployment: Deployment, where: str, uri: str, command: Sequence[str]) -> Run:
    """A command in what an image is built from; LocalError for one that is not an asset of this assembly."""
    image = deployment.images.get(uri.rpartition(":")[2])
    if image is None or not image.folder.is_dir():
        raise LocalError(f"{where}: the image {uri} is no docker asset of this assembly: run cdk synth")
    told, path = metadata.read(deployment.stack), tuple[Path, ...]()
    if told is not None and told.packages is not None and image.dockerfile.with_name("requirements.txt").is_file():
        path = (metadata.python(where, f"{metadata.STACK}.packages", deployment.home / told.packages),)
    return Run(image.folder.resolve(), path, python(where, command))


def python(where: str, command: Sequence[str]) -> tuple[str, ...]:
    """What follows `python` in a command; LocalError for another program, which is not there without the image."""
    if len(command) < 2 or not _PYTHON.fullmatch(command[0]):
        raise LocalError(f"{where}: its command has to be python with arguments to run here, not {' '.join(command)!r}")
    return tuple(command[1:])


def probe_command(where: str, command: Sequence[str]) -> Exec | Sleep:
    """A command beside the container's own: python, or a plain sleep."""
    plain = command[2:] if list(command[:2]) in (["sh", "-c"], ["/bin/sh", "-c"]) else command
    if (sleep := _SLEEP.fullmatch(" ".join(plain))) is not None:
        return Sleep(float(sleep[1]))
    return Exec(python(where, command))
