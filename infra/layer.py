"""Install what functions and pods import, without docker: `python -m infra.layer`.

One lock, `lambdas/requirements.txt`, is installed twice: for Lambda's platform (`build/layer`, which is deployed, and
which a synth makes when it needs it) and for this machine (`build/host`, which local workers import), so that a missing
dependency fails here first. `build/host-pods` is the lock of the pods' image, installed for this machine. A folder that
is there and was made of today's lock, by this module as it is today, is left as it is.

The layer is byte-identical each time: its hash is the asset's name, and an equal name means nothing to upload.
"""

import argparse
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"

# python3.13 on arm64 runs Amazon Linux 2023 (glibc 2.34), so it takes both wheel generations. No .pyc: they belong to
# one minor version of Python, and this machine's is hardly ever Lambda's.
LAMBDA_PLATFORM = (
    *("--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.13", "--no-compile"),
    *("--platform", "manylinux2014_aarch64", "--platform", "manylinux_2_28_aarch64"),
)

# The services that the functions call. botocore brings models of 400 more, 80% of the layer.
SERVICES = ("dynamodb", "apigatewaymanagementapi", "sqs")
# pods/Dockerfile keeps these.
PODS_SERVICES = (*SERVICES, "secretsmanager")


@dataclass(frozen=True, slots=True)
class Folder:
    """One of the folders below `build`: its Python packages are in `python`.

    `lock` is what is installed, with pip's `options`; `services` are the botocore models that stay; `for_whom` is whose
    packages they are.
    """

    name: str
    for_whom: str
    lock: Path
    services: tuple[str, ...] = SERVICES
    options: tuple[str, ...] = ()
    portable: bool = True


LAYER = Folder("layer", "the functions, for Lambda", ROOT / "lambdas" / "requirements.txt", options=LAMBDA_PLATFORM)
HOST = Folder("host", "the functions, for this machine", LAYER.lock)
PODS = Folder(
    "host-pods", "the pods, for this machine", ROOT / "pods" / "requirements.txt", PODS_SERVICES, portable=False
)
FOLDERS = (LAYER, HOST, PODS)

# What pip says when it reaches nobody, whatever the reason.
_UNREACHABLE = re.compile("NewConnectionError|ConnectTimeout|ProxyError|NameResolution|Failed to establish|SSLError")


class LayerError(Exception):
    """The dependencies cannot be installed; the text says what to do, on one line."""


def clean(site: Path) -> None:
    """Remove what pip writes for the machine it runs on: scripts, whose first line is a path, and their checksums.

    The rest of `*.dist-info` stays: licenses, and versions for whoever audits the layer.
    """
    shutil.rmtree(site / "bin", ignore_errors=True)
    for record in site.glob("*.dist-info/RECORD"):
        record.unlink()


def prune_models(site: Path, services: Sequence[str]) -> None:
    """Keep the botocore models and endpoints of `services` alone, without their prose, unpacked.

    Prose is most of a model, and is parsed at every cold start: without it a DynamoDB client is ready in half the time.
    So is the list of all services' endpoints, which takes 20 ms. Lambda compresses the layer as a whole, so packing
    each file gains nothing.
    """
    data = site / "botocore" / "data"
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in services:
            shutil.rmtree(folder)
    for examples in data.rglob("examples-*.json"):
        examples.unlink()
    for packed in data.rglob("*.json.gz"):
        model = without_prose(json.loads(gzip.decompress(packed.read_bytes())))
        packed.with_suffix("").write_text(json.dumps(model, separators=(",", ":")), encoding="utf-8")
        packed.unlink()
    endpoints = data / "endpoints.json"
    partitions = json.loads(endpoints.read_text(encoding="utf-8"))
    for partition in partitions["partitions"]:
        known = partition["services"]
        partition["services"] = {service: known[service] for service in services if service in known}
    endpoints.write_text(json.dumps(partitions, separators=(",", ":")), encoding="utf-8")


def without_prose(node: Any) -> Any:
    """Return a service model without its `documentation` texts; a member called so is an object and stays."""
    if isinstance(node, dict):
        return {
            key: without_prose(value)
            for key, value in node.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    if isinstance(node, list):
        return [without_prose(item) for item in node]
    return node


def ensure(folder: Folder = LAYER, build: Path = BUILD) -> Path:
    """Return a folder with its packages, which are installed first unless they are there.

    What is being done goes to stderr. Raises LayerError, and then leaves an older folder as it was.
    """
    made = build / folder.name
    if not is_current(folder, build):
        build.mkdir(parents=True, exist_ok=True)
        _install(folder, made)
    return made


def is_current(folder: Folder, build: Path = BUILD) -> bool:
    """Whether a folder is there, and was made of today's lock by today's version of this module."""
    stamp = _stamp(folder, build)
    there = (build / folder.name / "python" / "botocore").is_dir()
    return there and stamp.is_file() and stamp.read_text(encoding="utf-8") == _digest(folder)


def _stamp(folder: Folder, build: Path) -> Path:
    """Beside the folder and not in it: an edit of this module alone does not make another layer."""
    return build / f"{folder.name}.made-of"


def _digest(folder: Folder) -> str:
    made_of = folder.lock.read_bytes() + Path(__file__).read_bytes() + ",".join(folder.services).encode()
    return hashlib.sha256(made_of).hexdigest()


def _install(folder: Folder, made: Path) -> None:
    sys.stderr.write(f"Installing the packages of {folder.for_whom} (once, some seconds) ...\n")
    sys.stderr.flush()
    with tempfile.TemporaryDirectory(dir=made.parent, prefix=".") as scratch:
        new = Path(scratch) / folder.name
        _pip(new / "python", folder)
        if folder.portable:
            clean(new / "python")
        prune_models(new / "python", folder.services)
        shutil.copyfile(folder.lock, new / folder.lock.name)
        _stamp(folder, made.parent).unlink(missing_ok=True)
        shutil.rmtree(made, ignore_errors=True)
        new.rename(made)
    _stamp(folder, made.parent).write_text(_digest(folder), encoding="utf-8")


def _pip(target: Path, folder: Folder) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--retries", "1", "--target", str(target), "--requirement", str(folder.lock), *folder.options]
    finished = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if finished.returncode == 0:
        return
    lock = folder.lock.relative_to(ROOT) if folder.lock.is_relative_to(ROOT) else folder.lock
    if _UNREACHABLE.search(finished.stderr):
        reason = (
            "the package index cannot be reached; connect this machine to a network, or name an index in PIP_INDEX_URL"
        )
    else:
        lines = [line for line in finished.stderr.splitlines() if line.strip()]
        reason = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "it says nothing")
    raise LayerError(f"pip could not install {lock}: {reason}")


def main(arguments: Sequence[str] | None = None) -> str | None:
    """Install the folders that are named, or all."""
    names = [folder.name for folder in FOLDERS]
    parser = argparse.ArgumentParser(
        prog="python -m infra.layer", description="Install what functions and pods import."
    )
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help=f"some of {', '.join(names)} (all)")
    given = parser.parse_args(arguments).folders
    if unknown := [name for name in given if name not in names]:
        parser.error(f"there is no folder {unknown[0]!r}: choose from {', '.join(names)}")
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(ensure, [folder for folder in FOLDERS if not given or folder.name in given]))
    except LayerError as error:
        return f"infra.layer: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
