"""What a run puts into a scaling scenario."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from autoscaling.spec import parse
from compare.cli import app
from compare.cost import rows
from compare.cost.measured_inputs import inputs
from compare.errors import CompareError
from compare.scaling.replacements import Replaced, applied
from compare.scaling.scenario import Lambda, Scenario

from ..cost.measurements import ECHO, IDLE, run
from .runs import BASE

MEASURED = inputs([run("echo", ECHO), run("idle", IDLE)], rows.shipped())


def taken(**fields: Any) -> tuple[Scenario, dict[str, Replaced]]:
    scenario, found = applied(parse(BASE | fields, Scenario), MEASURED)
    return scenario, {one.field: one for one in found}


def test_sockets_become_what_they_were_measured_to_be() -> None:
    scenario, found = taken(messagesPerConnectionPerMinute=2)
    assert scenario.pod.memory_per_connection_ki_b == 25
    assert scenario.pod.cpu_per_handshake_milliseconds == 1.5
    assert scenario.pod.cpu_per_connection_millicores == 0.003
    assert found["pod.memoryPerConnectionKiB"].was == 9
    assert found["podCapacity"].value == scenario.pod_capacity == (256 - 64) * 1024 // 25


def test_a_capacity_that_the_memory_has_room_for_stays() -> None:
    scenario, found = taken(pod={"memoryRequestMiB": 4096})
    assert scenario.pod_capacity == 8000
    assert "podCapacity" not in found


def test_functions_take_as_long_as_they_did() -> None:
    scenario, found = taken(autoscaler=[{"kind": "lambda"}, BASE["autoscaler"]])
    (functions,) = (one for one in scenario.autoscalers if isinstance(one, Lambda))
    assert functions.handler_milliseconds == 4
    assert str(found["lambda.handlerMilliseconds"]).startswith("lambda.handlerMilliseconds 4 instead of 20: target lam")


def scale(folder: Path, document: dict[str, Any], *arguments: str) -> str:
    scenario, path = folder / "scenario.json", folder / "run.json"
    scenario.write_text(json.dumps(BASE))
    path.write_text(json.dumps(document))
    result = CliRunner().invoke(app, ["scale", str(scenario), "--measured", str(path), *arguments])
    if isinstance(result.exception, CompareError):
        raise result.exception
    assert result.exit_code == 0
    return result.output


def test_the_command_says_what_it_replaced_and_clients_find_less_room(tmp_path: Path) -> None:
    idle = run("idle", IDLE)
    assert "podCapacity 7864 instead of 8000: memory; target sockets, idle" in scale(tmp_path, idle).replace("\n", " ")
    found = json.loads(scale(tmp_path, idle, "--json"))
    assert [one["field"] for one in found["measured"]] == [
        "pod.memoryPerConnectionKiB",
        "pod.cpuPerHandshakeMilliseconds",
        "podCapacity",
    ]


def test_a_run_with_nothing_for_the_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompareError, match="it measured nothing that this scenario has"):
        scale(tmp_path, run("echo", {"eks": ECHO["eks"]}))
