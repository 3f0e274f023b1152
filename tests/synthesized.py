"""The app, synthesized with options."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def synthesized(folder: Path, **options: object) -> Path:
    """A cdk.out in `folder`, as `cdk synth -c NAME=VALUE …` writes it.

    It is made in this process: once the CDK is loaded, which takes most of the time, each app takes less than a second.
    """
    from infra.assembly import build_app  # noqa: PLC0415 - it loads the CDK
    from infra.layer import BUILD, ensure  # noqa: PLC0415

    BUILD.mkdir(exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:  # one of the processes that test side by side installs it
        fcntl.flock(lock, fcntl.LOCK_EX)
        ensure()
    outdir = folder / "cdk.out"
    build_app(str(outdir), **options).synth()
    return outdir


def synthesized_once(factory: pytest.TempPathFactory, **options: object) -> Path:
    """The same, made once a run for all its worker processes: for reading only."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]
    folder = base / f"synthesized-{digest}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            synthesized(folder, **options)
            done.touch()
    return folder / "cdk.out"
