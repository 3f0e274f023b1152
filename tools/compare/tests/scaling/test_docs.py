"""docs/scaling.md: its commands run, its scenario is valid, and it names every field."""

from __future__ import annotations

import os
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

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "scaling.md").read_text()
COMMANDS = re.findall(r"^\$ python -m (compare scale .*)$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works(command: str, tmp_path: Path) -> None:
    arguments = [str(ROOT / word) if word.startswith("compare/") else word for word in shlex.split(command)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
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
