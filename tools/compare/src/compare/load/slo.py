"""Objectives: `p99=200ms,errors=0.1%`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compare.errors import CompareError
from compare.load.scenario import Scenario
from compare.load.statistic import PERCENTILES, Statistic

_UNITS = {"ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Objective:
    """`key` is `errors`, or a percentile; the limit is in per cent, or in milliseconds."""

    key: str
    limit: float


def parse(text: str) -> list[Objective]:
    """Objectives from the command line. Raises CompareError."""
    objectives = []
    for part in text.split(","):
        key, _, value = part.strip().partition("=")
        match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|%)", value)
        if key not in {*PERCENTILES, "errors"}:
            raise CompareError(f"--slo: {key[:40]!r} is not one of {', '.join(PERCENTILES)}, errors")
        if match is None or (match[2] == "%") != (key == "errors"):
            right = "errors=0.1%" if key == "errors" else f"{key}=200ms"
            raise CompareError(f"--slo: {part.strip()[:40]!r} is no objective; write {right}")
        objectives.append(Objective(key, float(match[1]) * _UNITS.get(match[2], 1.0)))
    return objectives


def statistic(objective: Objective, scenario: Scenario, statistics: Mapping[str, Statistic]) -> str:
    """The key of the figure that an objective is about: the corrected latency of what the scenario mostly does."""
    if objective.key == "errors":
        return "errors.percent"
    wanted = {"storm": "connect", "idle": "pong", "echo": "echo", "churn": "resumed", "work": "result"}
    name = wanted.get(scenario.kind, "delivered")
    if f"latency.{name}.corrected.p50_ms" not in statistics:
        name = "echo"
    return f"latency.{name}.corrected.{objective.key}_ms"


def check(
    objectives: list[Objective], scenario: Scenario, targets: Mapping[str, Mapping[str, Statistic]]
) -> list[dict[str, Any]]:
    """Each objective for each target; what was not measured is not met."""
    checked = []
    for name, statistics in targets.items():
        for objective in objectives:
            key = statistic(objective, scenario, statistics)
            found = statistics.get(key)
            checked.append(
                {
                    "target": name,
                    "objective": objective.key,
                    "figure": key,
                    "limit": objective.limit,
                    "value": found.value if found is not None else None,
                    "met": found is not None and found.value <= objective.limit,
                }
            )
    return checked
