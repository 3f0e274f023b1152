"""The app, synthesized with options."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def synthesized(folder: Path, **options: object) -> Path:
    """A cdk.out in `folder`, as `cdk synth -c NAME=VALUE …` writes it."""
    outdir = folder / "cdk.out"
    environment = {**os.environ, "CDK_OUTDIR": str(outdir), "CDK_CONTEXT_JSON": json.dumps(options)}
    subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, check=True)
    return outdir
