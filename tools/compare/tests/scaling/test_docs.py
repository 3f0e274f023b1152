"""docs/scaling.md: its commands run, its scenario is valid, and it names every field."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from autoscaling.concurrency import Limits
from autoscaling.nodes import NodePool
from autoscaling.spec import parse_json
from compare.scaling import scenario, traces

from ..clone import ROOT

TEXT = (ROOT / "docs" / "scaling.md").read_text()
COMMANDS = re.findall(r"^\$ \.venv/bin/(compare scale .*)$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works(command: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", *shlex.split(command)], cwd=tmp_path, check=True, capture_output=True)
    assert done.stdout
    assert not done.stderr
    assert [path.name for path in tmp_path.iterdir()] == (["seed.html"] if "--html" in command else [])


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 3


def test_the_scenario_is_valid() -> None:
    text = re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert text is not None
    assert scenario.prepare(parse_json(text[1].encode(), scenario.Scenario)).duration == 3600


@pytest.mark.parametrize(
    "spec",
    [
        scenario.Scenario, scenario.Keda, scenario.Cpu, scenario.Memory, scenario.Ecs, scenario.Lambda, scenario.Pod,
        scenario.Reconnect, scenario.ApiGateway, scenario.Outage, Limits, NodePool,
        traces.Diurnal, traces.Spike, traces.Deploy, traces.ReconnectStorm,
    ],
)  # fmt: skip
def test_every_field_is_named(spec: type[scenario.Scenario]) -> None:
    assert [name for name in spec.__struct_encode_fields__ if f"`{name}`" not in TEXT and f'"{name}"' not in TEXT] == []
