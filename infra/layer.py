"""Install the functions' dependencies without docker: `python -m infra.layer`.

One lock, `lambdas/requirements.txt`, is installed twice: for Lambda's platform (`build/layer`, which is deployed) and
for this machine (`build/host`, which local workers import), so that a missing dependency fails here first.
`build/runtime` holds what Lambda's own Python runtime brings, for those workers. `build/host-pods` is the lock of the
pods' image, installed for this machine.

The layer is byte-identical each time: its hash is the asset's name, and an equal name means nothing to upload.
"""

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOCK = ROOT / "lambdas" / "requirements.txt"
RUNTIME_LOCK = ROOT / "local" / "runtime.txt"
PODS_LOCK = ROOT / "pods" / "requirements.txt"

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


class LayerError(Exception):
    """The dependencies are not there, or cannot be installed; the text says what to do."""


def clean(site: Path) -> None:
    """Remove what pip writes for the machine it runs on: scripts, whose first line is a path, and their checksums.

    The rest of `*.dist-info` stays: licenses, and versions for whoever audits the layer.
    """
    shutil.rmtree(site / "bin", ignore_errors=True)
    for record in site.glob("*.dist-info/RECORD"):
        record.unlink()


def prune_models(site: Path, services: Sequence[str] = SERVICES) -> None:
    """Keep the botocore models of `services` alone, without their prose, unpacked.

    Prose is most of a model, and is parsed at every cold start: without it a DynamoDB client is ready in half the time.
    Lambda compresses the layer as a whole, so packing each file gains nothing.
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


def current(layer: Path = BUILD / "layer", lock: Path = LOCK) -> Path:
    """Return the built layer's folder, or raise LayerError when it is missing or older than the lock."""
    built_from = layer / lock.name
    if not built_from.is_file():
        raise LayerError(f"{layer} is missing; run `python -m infra.layer` (or `make install`)")
    if built_from.read_bytes() != lock.read_bytes():
        raise LayerError(f"{layer} was built from another {lock.name}; run `python -m infra.layer` (or `make install`)")
    return layer


def build(target: Path = BUILD) -> None:
    """Install the four folders below `target`, all or none: an interrupted run leaves the old ones as they were."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".") as scratch:
        layer, host, runtime, pods = (Path(scratch) / name for name in ("layer", "host", "runtime", "host-pods"))
        _finish(
            _pip(layer / "python", LOCK, *LAMBDA_PLATFORM),
            _pip(host / "python", LOCK),
            _pip(runtime / "python", RUNTIME_LOCK),
            _pip(pods / "python", PODS_LOCK),
        )
        for folder in (layer, host):
            clean(folder / "python")
            prune_models(folder / "python")
        prune_models(pods / "python", PODS_SERVICES)
        shutil.copyfile(LOCK, layer / LOCK.name)
        for folder in (layer, host, runtime, pods):
            shutil.rmtree(target / folder.name, ignore_errors=True)
            folder.rename(target / folder.name)


def _pip(target: Path, lock: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--target", str(target), "--requirement", str(lock), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _finish(*installs: subprocess.Popen[str]) -> None:
    try:
        for errors, install in [(install.communicate()[1], install) for install in installs]:
            if install.returncode:
                raise LayerError(f"pip failed:\n{errors.strip()}")
    finally:
        for install in installs:
            install.kill()


def main() -> str | None:
    try:
        build()
    except LayerError as error:
        return f"infra.layer: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
