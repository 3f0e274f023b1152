"""A scenario that cannot be used is refused in one line that says where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compare.errors import CompareError
from compare.scaling.scenario import Ecs, Keda, Lambda, load

KEDA: dict[str, Any] = {"kind": "keda", "minReplicas": 3, "maxReplicas": 40, "targetAverageValue": 6000}
BASE: dict[str, Any] = {"autoscaler": KEDA, "podCapacity": 8000, "metric": [[0, 18000]], "durationSeconds": 60}


def refused(folder: Path, scenario: object) -> str:
    path = folder / "scenario.json"
    path.write_text(scenario if isinstance(scenario, str) else json.dumps(scenario))
    with pytest.raises(CompareError) as caught:
        load(path)
    return str(caught.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"podStartSecond": 1}, "podStartSecond: unknown field; did you mean podStartSeconds?"),
        ({"autoscaler": {**KEDA, "minReplica": 1}}, "autoscaler.minReplica: unknown field; did you mean minReplicas?"),
        ({"autoscaler": {**KEDA, "minReplicas": -1}}, "autoscaler.minReplicas: expected int >= 0"),
        ({"autoscaler": {**KEDA, "minReplicas": "3"}}, "autoscaler.minReplicas: expected int, got str"),
        ({"autoscaler": {**KEDA, "minReplicas": 50}}, "autoscaler: minReplicas is above maxReplicas"),
        ({"autoscaler": {**KEDA, "maxReplicas": 10**9}}, "autoscaler.maxReplicas: expected int <= 100000"),
        ({"autoscaler": {**KEDA, "kind": "kedaa"}}, "autoscaler.kind: invalid value 'kedaa'; did you mean keda?"),
        ({"autoscaler": {**KEDA, "targetValue": 1}}, "autoscaler: give one of targetAverageValue and targetValue"),
        ({"autoscaler": {"kind": "cpu"}}, "autoscaler: object missing required field maxReplicas"),
        (
            {"autoscaler": {**KEDA, "behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 0}]}}}},
            "autoscaler.behavior.scaleUp.policies[0].value: expected int >= 1",
        ),
        ({"autoscaler": {**KEDA, "syncPeriodSeconds": 0}}, "autoscaler.syncPeriodSeconds: expected int >= 1"),
        (
            {"autoscaler": [KEDA, {**KEDA, "minReplica": 1}]},
            "autoscaler[1].minReplica: unknown field; did you mean minReplicas?",
        ),
        ({"autoscaler": [KEDA, KEDA]}, "autoscaler[1].name: keda is there already; give each a name of its own"),
        ({"autoscaler": []}, "autoscaler: expected array of length >= 1"),
        ({"podCapacity": None}, "podCapacity: is missing"),
        ({"podCapacity": 0}, "podCapacity: expected int >= 1"),
        ({"durationSeconds": None}, "durationSeconds: is missing"),
        ({"durationSeconds": 10**9}, "durationSeconds: expected int <= 31622400"),
        (
            {"durationSeconds": 31_000_000, "autoscaler": {**KEDA, "syncPeriodSeconds": 1}},
            "durationSeconds: more than 2,500,000 decisions; take a longer syncPeriodSeconds",
        ),
        ({"metric": [[0, -1]]}, "metric[0][1]: expected int >= 0"),
        ({"metric": [[0, 10**12]]}, "metric[0][1]: expected int <= 1000000000"),
        ({"metric": [[0, 1], [60, 2], [30, 3]]}, "metric[2]: is not later than the one before"),
        ({"metric": [[0, 1, 2]]}, "metric[0]: expected array of length 2"),
        ({"metric": []}, "metric: expected array of length >= 1"),
        ({"metric": "none.csv"}, "none.csv: No such file or directory"),
        (
            {"metric": {"generate": "wave"}},
            "metric.generate: invalid value 'wave'; known are deploy, diurnal, reconnect-storm, spike",
        ),
        ({"metric": {"generate": "spike", "base": 1}}, "metric: object missing required field peak"),
        ({"cuts": [[60, 0.5], [30, 0.5]]}, "cuts[1]: goes back in time"),
        ({"cuts": [[60, 1.5]]}, "cuts[0][1]: expected float <= 1.0"),
        ({"outages": [{"startSeconds": 5, "endSeconds": 5}]}, "outages[0]: endSeconds is not after startSeconds"),
        ({"initialReplicas": 1.5}, "initialReplicas: expected int | null, got float"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    assert refused(tmp_path, BASE | change) == f"scenario.json: {message}"


def test_a_file_that_is_not_json_or_not_there_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, '{"autoscaler": ').startswith("scenario.json: not JSON")
    assert refused(tmp_path, "[]") == "scenario.json: expected object, got array"
    with pytest.raises(CompareError, match=r"no\.json: No such file"):
        load(tmp_path / "no.json")
    with pytest.raises(CompareError, match="Is a directory"):
        load(tmp_path)


def test_a_csv_is_found_beside_the_scenario_and_gives_the_duration(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("0,100\n60,200\n")
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(BASE | {"metric": "t.csv", "durationSeconds": None}))
    loaded = load(path)
    assert (loaded.duration, list(loaded.trace.values)) == (120, [100, 200])


def test_what_is_not_said_takes_the_defaults_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    autoscalers = [
        {"kind": "keda", "targetAverageValue": 10},
        {"kind": "ecs", "maxReplicas": 5, "targetAverageValue": 10},
        {"kind": "lambda"},
    ]
    path.write_text(json.dumps(BASE | {"autoscaler": autoscalers}))
    keda, ecs, functions = load(path).scenario.autoscalers
    assert isinstance(keda, Keda)
    assert (keda.min_replicas, keda.max_replicas, keda.sync_period_seconds, keda.tolerance) == (0, 100, 15, 0.1)
    assert isinstance(ecs, Ecs)
    assert (ecs.min_replicas, ecs.scale_out_datapoints, ecs.scale_in_datapoints) == (1, 3, 15)
    assert isinstance(functions, Lambda)
    assert functions.limits.most == 1000


def test_nothing_but_idle_replicas_may_be_fewer_than_the_least() -> None:
    assert Keda(target_value=1, min_replicas=1, idle_replicas=0).idle_replicas == 0
    with pytest.raises(ValueError, match="idleReplicas needs minReplicas of 1 or more"):
        Keda(target_value=1, min_replicas=0, idle_replicas=0)
