"""The run as JSON; docs/load.md says what each key means."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import msgspec
import psutil

from compare.load import limits, noise, slo
from compare.load.measures import Measures
from compare.load.rounds import Round
from compare.load.scenario import Scenario
from compare.load.statistic import ASSUMED, Statistic
from compare.load.summary import summarized
from compare.load.targets import Target, shown

FORMAT = "duplex-load/1"


@dataclass(slots=True)
class Run:
    """A run that has ended, or was ended: what was asked for, and what came of it."""

    scenario: Scenario
    targets: Sequence[Target]
    rounds: Sequence[Round]
    wanted: int
    processes: int
    objectives: Sequence[slo.Objective]
    began: float = field(default_factory=time.time)
    cloudwatch: dict[str, dict[str, Statistic]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def of(self, target: Target) -> list[Round]:
        """The rounds of a target."""
        return [one for one in self.rounds if one.target.name == target.name]

    @property
    def complete(self) -> bool:
        """Whether every round ran to its end."""
        return len(self.rounds) == self.wanted * len(self.targets) and all(one.whole for one in self.rounds)


def document(run: Run) -> dict[str, Any]:
    """All of it."""
    measured = {target.name: summarized(run.of(target)) for target in run.targets if run.of(target)}
    for name, found in run.cloudwatch.items():
        measured.setdefault(name, {}).update(found)
    for target in run.targets:
        if target.is_local and target.name in measured:
            measured[target.name].update(ASSUMED)
    objectives = slo.check(list(run.objectives), run.scenario, measured)
    return {
        "format": FORMAT,
        "complete": run.complete,
        "failures": list(run.failures),
        "scenario": _scenario(run.scenario),
        "conditions": _conditions(run),
        "targets": [_target(run, target, measured.get(target.name, {})) for target in run.targets],
        "differences": noise.differences(measured),
        "objectives": objectives,
    }


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {**msgspec.structs.asdict(scenario), "mix": dict(scenario.actions)}


def _conditions(run: Run) -> dict[str, Any]:
    return {
        "began": datetime.fromtimestamp(run.began, UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - run.began, 1),
        "rounds": run.wanted,
        "processes": run.processes,
        "cores": psutil.cpu_count() or 1,
        "load_average": [round(value, 2) for value in psutil.getloadavg()],
        "memory_mib": psutil.virtual_memory().total // 2**20,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "picows": version("picows"),
        "uvloop": version("uvloop"),
    }


def _target(run: Run, target: Target, found: dict[str, Statistic]) -> dict[str, Any]:
    rounds = run.of(target)
    merged = Measures()
    for one in rounds:
        merged.add(one.sent.measures)
    return {
        "name": target.name,
        "url": shown(target.url),
        "where": "local cloud" if target.is_local else "given",
        "rounds": [
            {"number": one.number, "began": one.began, "ended": one.ended, "complete": one.whole} for one in rounds
        ],
        "figures": {key: figure.document() for key, figure in found.items()},
        "errors": dict(merged.errors.most_common()),
        "histograms": merged.encoded()["latencies"],
        "limits": limits.reached(rounds),
    }
