"""The real CDK CLI, and what `make doctor` says of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.e2e.cdk import clean_environment
from tests.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Assembly
import pytest

pytestmark = pytest.mark.slow


def test_the_cli_synthesizes_the_same_template_to_the_byte(assembly: Assembly, tmp_path: Path) -> None:
    """`make up` runs what app.py writes by itself, `cdk deploy` what the CLI has it write."""
    finished = subprocess.run(
        ["cdk", "synth", "--quiet", "--no-notices", "--output", tmp_path / "cli.out"],
        cwd=ROOT,
        env=clean_environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    template = tmp_path / "cli.out" / assembly.template_file.name
    assert template.read_bytes() == assembly.template_file.read_bytes()


def test_without_credentials_the_doctor_says_so_and_asks_nobody(tmp_path: Path) -> None:
    path = f"{ROOT}/.venv/bin:{ROOT}/node_modules/.bin:{os.defpath}"
    finished = subprocess.run(
        [sys.executable, "-m", "infra.doctor"],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr == ""
    run_here, _, deploy = finished.stdout.partition("To deploy")
    assert "MISSING" not in run_here
    assert "MISSING  credentials: none\n           -> aws configure" in deploy
    assert max(map(len, finished.stdout.splitlines())) <= 80
