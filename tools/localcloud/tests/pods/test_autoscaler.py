"""Autoscalers over readings that a test gives them, with the time passed in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from autoscaling.keda import MetricError
from localcloud import assembly
from localcloud.pods import definitions
from localcloud.pods.autoscaler import Finding, KedaLoop, TrackingLoop, line
from localcloud.pods.model import Tracking, Triggered
from localcloud.pods.pods import first

from . import samples

if TYPE_CHECKING:
    from pathlib import Path

    from autoscaling.keda import Reading
    from localcloud.pods.model import CloudWatchQuery


class Told:
    """Stands for CloudWatch: answers by the metric's name, and notes what was asked."""

    def __init__(self, **values: Reading) -> None:
        self.values = values
        self.asked: list[tuple[float, str]] = []

    async def read(self, query: CloudWatchQuery, now: float) -> Reading:
        self.asked.append((now, query.name))
        return self.values.get(query.name)


def keda(folder: Path, *triggers: dict[str, Any], **spec: Any) -> KedaLoop:
    builder = samples.eks(None, samples.scaled_object(*triggers, **spec))
    found = assembly.read(samples.write(builder, folder))["ChatEks"]
    (fleet,) = definitions.read(found, "eks").fleets
    assert isinstance(fleet.autoscaler, Triggered)
    return KedaLoop(fleet.autoscaler, 0)


def tracking(folder: Path, **policy: Any) -> TrackingLoop:
    builder = samples.ecs()
    samples.tracking(builder, **policy)
    found = assembly.read(samples.write(builder, folder, "ChatEcs"))["ChatEcs"]
    (fleet,) = definitions.read(found, "ecs").fleets
    assert isinstance(fleet.autoscaler, Tracking)
    return TrackingLoop(fleet.autoscaler, 0)


def steps(loop: KedaLoop | TrackingLoop, told: Told, until: float, replicas: int = 1) -> list[tuple[float, int]]:
    """The moments at which the count changes, and to what, when it is asked whenever it is due."""
    changes = []
    while loop.due <= until:
        now = loop.due
        wanted, _ = asyncio.run(loop.step(now, replicas, replicas, told.read))
        if wanted != replicas:
            replicas = wanted
            changes.append((now, wanted))
    return changes


def test_pods_come_with_the_metric_and_go_after_the_window(tmp_path: Path) -> None:
    loop = keda(tmp_path)
    told = Told(ActiveConnections=350.0)
    assert steps(loop, told, 60) == [(0, 4)]
    told.values["ActiveConnections"] = 150.0
    assert steps(loop, told, 600, 4) == [(375, 2)], "more than 300 seconds after it asked for four"


def test_the_trigger_that_asks_for_most_decides_and_is_named(tmp_path: Path) -> None:
    loop = keda(tmp_path, samples.trigger("ActiveConnections", 100), samples.trigger("MessageCount", 10))
    told = Told(ActiveConnections=120.0, MessageCount=25.0)
    replicas, finding = asyncio.run(loop.step(0, 1, 1, told.read))
    assert (replicas, str(finding)) == (3, "MessageCount 25/10")


def test_a_trigger_is_asked_at_its_polls_alone_when_it_is_to_be_cached(tmp_path: Path) -> None:
    cached = samples.trigger("ActiveConnections", 100) | {"useCachedMetrics": True}
    loop = keda(tmp_path / "a", cached, samples.trigger("MessageCount", 10), pollingInterval=30)
    told = Told()
    steps(loop, told, 59)
    assert [now for now, name in told.asked if name == "ActiveConnections"] == [0, 30]
    assert sorted({now for now, name in told.asked if name == "MessageCount"}) == [0, 15, 30, 45]


def test_what_cannot_be_read_falls_back_after_so_many_failures(tmp_path: Path) -> None:
    fallback = {"failureThreshold": 2, "replicas": 3, "behavior": "currentReplicasIfHigher"}
    strict = samples.trigger("ActiveConnections", 100, ignoreNullValues="false")
    for folder, reading in (("error", MetricError("refused")), ("nothing", None)):
        loop = keda(tmp_path / folder, strict, fallback=fallback)
        assert steps(loop, Told(ActiveConnections=reading), 120) == [(30, 3)]


def test_tasks_follow_their_average_after_three_minutes(tmp_path: Path) -> None:
    loop = tracking(tmp_path, ScaleOutCooldown=60)
    told = Told(ActiveConnections=300.0, RunningTaskCount=1.0)
    assert steps(loop, told, 120) == [(120, 3)]
    told.values["RunningTaskCount"] = 3.0
    assert steps(loop, told, 600, 3) == []
    _, finding = asyncio.run(loop.step(660, 3, 3, told.read))
    assert str(finding) == "ActiveConnections 100/100"


def test_tasks_stay_while_there_is_no_data(tmp_path: Path) -> None:
    loop = tracking(tmp_path)
    assert steps(loop, Told(RunningTaskCount=3.0), 3600, 3) == []
    assert steps(loop, Told(ActiveConnections=MetricError("no"), RunningTaskCount=3.0), 7200, 3) == []
    assert steps(loop, Told(ActiveConnections=0.0, RunningTaskCount=3.0), 10_800, 3)[0][1] == 1


def test_a_line_tells_a_decision() -> None:
    assert line(2, 3, "pod", Finding("ActiveConnections", 650, 300)) == "2 -> 3 pods: ActiveConnections 650/300"
    assert line(2, 1, "task", None) == "2 -> 1 task"


def test_there_are_as_many_at_first_as_the_autoscaler_would_have(tmp_path: Path) -> None:
    for replicas, expected in ((1, 2), (3, 3), (9, 4)):
        builder = samples.eks(None, samples.scaled_object(minReplicaCount=2), replicas=replicas)
        found = assembly.read(samples.write(builder, tmp_path / str(replicas)))["ChatEks"]
        assert first(definitions.read(found, "eks").fleets[0]) == expected
