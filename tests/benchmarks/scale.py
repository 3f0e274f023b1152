"""The scaling simulator over a week of ten million connections: `python -m tests.benchmarks.scale`.

A scenario is read, simulated and reported as JSON, as `compare scale F --json` does it, in one process.
Rounds are interleaved; the table has the median of each figure. CPU is user and system time of this process.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from compare.scaling.output import as_json
from compare.scaling.scenario import load
from compare.scaling.simulator import simulate

WEEK = 7 * 86_400
BARE: dict[str, Any] = {
    "initialReplicas": 500,
    "podCapacity": 8000,
    "metric": {"generate": "diurnal", "low": 1_000_000, "high": 10_000_000, "stepSeconds": 15},
    "durationSeconds": WEEK,
}
LIFE: dict[str, Any] = {
    "podStartSeconds": 20,
    "metricDelaySeconds": 30,
    "connectionLifetimeSeconds": 7200,
    "drainSeconds": 120,
    "reconnect": {},
    "messagesPerConnectionPerMinute": 1,
    "nodes": {"podsPerNode": 4, "startSeconds": 50, "consolidateAfterSeconds": 300},
}
HPA = {"minReplicas": 100, "maxReplicas": 2500}
SLOW_DOWN = {"stabilizationWindowSeconds": 600, "policies": [{"type": "Pods", "value": 10, "periodSeconds": 120}]}
KEDA = HPA | {"kind": "keda", "targetAverageValue": 6000, "behavior": {"scaleDown": SLOW_DOWN}}
SCENARIOS: dict[str, dict[str, Any]] = {
    "keda": BARE | {"autoscaler": KEDA},
    "keda, churn, drains, nodes": BARE | LIFE | {"autoscaler": KEDA},
    "memory, churn, drains, nodes": BARE | LIFE | {"autoscaler": HPA | {"kind": "memory"}},
    "ecs, churn": BARE | LIFE | {"autoscaler": HPA | {"kind": "ecs", "targetAverageValue": 6000}},
    "lambda, churn": BARE | LIFE | {"autoscaler": {"kind": "lambda", "limits": {"accountConcurrency": 10_000}}},
}


@dataclass(frozen=True)
class Figures:
    """Seconds of wall time for each part, and of CPU for all of them."""

    read: float
    simulate: float
    write: float
    cpu: float


def measure(path: Path) -> tuple[Figures, int]:
    """One round: the figures, and how many decisions were taken."""
    cpu = time.process_time()
    start = time.perf_counter()
    loaded = load(path)
    read = time.perf_counter()
    run = simulate(loaded, loaded.scenario.autoscalers[0])
    simulated = time.perf_counter()
    msgspec.json.encode(as_json([run], many=False))
    end = time.perf_counter()
    return Figures(read - start, simulated - read, end - simulated, time.process_time() - cpu), len(run.replicas)


def _written(folder: Path) -> Iterator[tuple[str, Path]]:
    for index, (name, scenario) in enumerate(SCENARIOS.items()):
        path = folder / f"{index}.json"
        path.write_text(json.dumps(scenario))
        yield name, path


def main(
    rounds: Annotated[int, typer.Option(help="Rounds of each scenario.")] = 5,
    as_json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Measure simulations."""
    found: dict[str, list[Figures]] = {}
    decisions: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        scenarios = list(_written(Path(folder)))
        for round_ in range(rounds):
            print(f"round {round_ + 1} of {rounds}", file=sys.stderr)  # noqa: T201
            for name, path in scenarios:
                figures, decisions[name] = measure(path)
                found.setdefault(name, []).append(figures)
    rows: list[dict[str, Any]] = [
        {"scenario": name, "decisions": decisions[name]}
        | {part: round(statistics.median(asdict(figure)[part] for figure in figures), 3) for part in asdict(figures[0])}
        for name, figures in found.items()
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if as_json_:
        print(json.dumps({"rows": rows, "peak_mib": peak}, indent=2))  # noqa: T201
        return
    print(f"{'scenario':<30}{'decisions':>10}{'read s':>8}{'simulate s':>12}{'JSON s':>8}{'CPU s':>8}{'us each':>9}")  # noqa: T201
    for row in rows:
        each = row["simulate"] / row["decisions"] * 1e6
        print(  # noqa: T201
            f"{row['scenario']:<30}{row['decisions']:>10,}{row['read']:>8.3f}{row['simulate']:>12.3f}"
            f"{row['write']:>8.3f}{row['cpu']:>8.3f}{each:>9.1f}"
        )
    print(f"at most {peak} MiB resident")  # noqa: T201


if __name__ == "__main__":
    typer.run(main)
