"""A run without targets: the variants themselves, in local clouds, with all that clients do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from typer.testing import CliRunner

from compare.cli import app
from compare.commands import measure_all
from compare.load.scenario import parse

from ..clone import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

# Of 60 turns each action gets some: that one gets none happens once in ten thousand runs.
SCENARIO = b"""
kind: mixed
connections: 4
rate: 12
duration: 5
connect_rate: 4
room_members: 2
mix: {echo: 1, ping: 1, publish: 1, send: 1, work: 1, reconnect: 1}
patience: 90
"""
KILLS = b"""
kind: mixed
connections: 4
rate: 10
duration: 4
kill_seconds: 1
room_members: 2
mix: {publish: 1, send: 1}
patience: 60
"""


def test_every_variant_is_run_measured_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assembly, file, page = tmp_path / "cdk.out", tmp_path / "report.json", tmp_path / "report.html"
    monkeypatch.chdir(ROOT)  # as a person does
    subprocess.run([sys.executable, "app.py"], env={**os.environ, "CDK_OUTDIR": str(assembly)}, check=True)
    monkeypatch.setattr(measure_all, "PLAN", ((parse("mixed", SCENARIO), 1), (parse("kills", KILLS), 1)))
    before = psutil.Process().children(recursive=True)
    arguments = ["all", "--assembly", str(assembly), "--json", str(file), "--html", str(page)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert psutil.Process().children(recursive=True) == before
    report = json.loads(file.read_text())
    assert report["complete"] is True
    assert page.stat().st_size > 10_000
    check_faults(report)
    document = report["load"]
    assert document["complete"] is True
    assert "lambda" in [target["name"] for target in document["targets"]]
    for target in document["targets"]:
        figures = {key: figure["value"] for key, figure in target["figures"].items()}
        assert figures["messages.lost"] == figures["messages.unanswered"] == 0
        for name in ("echo", "pong", "accepted", "delivered", "result", "resumed"):
            assert figures[f"latency.{name}.corrected.p50_ms"] > 0
        for part in ("backend", "emulator"):
            assert figures[f"{part}.cpu_us_a_message"] > 0
            assert figures[f"{part}.mib"] > 0
        assert figures["cloudwatch.messages"] >= figures["messages.answered"]
        assert figures["cloudwatch.connects"] >= 4
        assert target["figures"]["gateway.hop_ms"]["basis"] == "assumed"


def check_faults(report: dict[str, Any]) -> None:
    """What was accepted arrived, whatever was killed."""
    assert [one["target"] for one in report["faults"]] == report["variants"]
    for one in report["faults"]:
        assert one["kills"] >= 1
        assert one["accepted"] > 0
        assert one["lost"] == 0, one


def test_without_an_assembly_it_says_how_to_get_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "--assembly", str(tmp_path / "none")])
    said = str(result.exception)
    assert "make synth" in said
    assert "--assembly" in said
    assert "--target" in said
    assert "\n" not in said
