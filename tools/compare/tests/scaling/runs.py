"""Scenarios as dictionaries, run."""

from __future__ import annotations

import json
from typing import Any

from autoscaling.spec import parse
from compare.scaling.output import as_json
from compare.scaling.results import Simulation
from compare.scaling.scenario import SHIPPED, Scenario, prepare
from compare.scaling.simulator import simulate

KEDA: dict[str, Any] = {"kind": "keda", "minReplicas": 3, "maxReplicas": 40, "targetAverageValue": 6000}
BASE: dict[str, Any] = {
    "autoscaler": KEDA,
    "initialReplicas": 3,
    "podCapacity": 8000,
    "metric": [[0, 18000]],
    "durationSeconds": 600,
}


def run(*, autoscaler: dict[str, Any] | None = None, **fields: Any) -> Simulation:
    """One run of the base scenario with some fields changed; `autoscaler` is merged into KEDA unless it has a kind."""
    if autoscaler is not None:
        fields["autoscaler"] = autoscaler if "kind" in autoscaler else KEDA | autoscaler
    loaded = prepare(parse(BASE | fields, Scenario))
    return simulate(loaded, loaded.scenario.autoscalers[0])


def answer(**fields: Any) -> dict[str, Any]:
    """The same as JSON has it."""
    return as_json([run(**fields)], many=False)


def changes(found: Simulation) -> list[tuple[int, int]]:
    """(seconds, replicas) at the start and whenever the count changes."""
    counts = found.replicas
    return [
        (index * found.period, count) for index, count in enumerate(counts) if not index or count != counts[index - 1]
    ]


def example(name: str) -> dict[str, Any]:
    scenario: dict[str, Any] = json.loads((SHIPPED / name).read_text())
    return scenario
