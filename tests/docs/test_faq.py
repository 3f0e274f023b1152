"""The simulator's numbers in docs/faq.md are those that its commands print."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from autoscaling.spec import parse
from compare.cli import app
from compare.scaling.output import as_json
from compare.scaling.scenario import Scenario, prepare
from compare.scaling.simulator import simulate
from tests.processes import ROOT
from tools.compare.tests.scaling.runs import example

FAQ = " ".join((ROOT / "docs" / "faq.md").read_text().split())


@pytest.mark.parametrize("name", ["threshold", "idle-sockets", "scale-in", "seed", "prometheus-outage"])
def test_what_an_answer_says_of_a_scenario_is_so(name: str) -> None:
    (answer,) = [text for text in re.split(r"(?=\*\*[A-Z])", FAQ) if f"`scale {name}`" in text]
    loaded = prepare(parse(example(f"{name}.json"), Scenario))
    summaries = [as_json([simulate(loaded, one)], many=False)["summary"] for one in loaded.scenario.autoscalers]
    refused = [one["refusedConnections"] for one in summaries]
    assert any(refused)
    for number in filter(None, refused):
        assert f"{number:,}" in answer
    for hours in re.findall(r"([0-9.]+) pod-hours", answer):
        assert float(hours) in [round(one["podSeconds"] / 3600, 1) for one in summaries]


def test_the_months_costs_are_those_that_the_command_prints() -> None:
    (answer,) = [text for text in re.split(r"(?=\*\*[A-Z])", FAQ) if text.startswith("**What does it cost?")]
    (command,) = re.findall(r"`compare (cost [^`]*)`", answer)
    printed = CliRunner().invoke(app, command.split(), env={"COLUMNS": "80"}, catch_exceptions=False).stdout
    (total,) = re.findall(r"(?m)^total .*", printed)
    _, _, _, sockets, ecs = total.split()
    assert {sockets.replace("-", " to "), ecs.replace("-", " to ")} <= set(re.findall(r"\$[0-9,]+ to [0-9,]+", answer))
    assert f"Below {re.findall(r'(?m)^ +([0-9,]+) ', printed)[0]} connections" in answer
