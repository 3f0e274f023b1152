"""A run without targets: the variants themselves, in local clouds, with all that clients do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psutil
import pytest
from typer.testing import CliRunner

from compare.cli import app
from tests.synthesized import synthesized

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SCENARIO = """
kind: mixed
connections: 4
rate: 6
duration: 5
connect_rate: 4
room_members: 2
mix: {echo: 2, ping: 1, publish: 1, send: 1, work: 1, reconnect: 1}
patience: 90
"""


def test_every_variant_is_run_measured_and_stopped(tmp_path: Path) -> None:
    assembly, path, file = synthesized(tmp_path), tmp_path / "scenario.yaml", tmp_path / "run.json"
    path.write_text(SCENARIO)
    before = psutil.Process().children(recursive=True)
    arguments = ["run", str(path), "--assembly", str(assembly), "--rounds", "1", "--json", str(file)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert psutil.Process().children(recursive=True) == before
    document = json.loads(file.read_text())
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


def test_without_an_assembly_it_says_how_to_get_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "--assembly", str(tmp_path / "none")])
    assert "synth" in str(result.exception)
    assert "\n" not in str(result.exception)
