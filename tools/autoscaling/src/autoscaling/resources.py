"""How many replicas CPU or memory utilization asks for: Resource metrics, the autoscaler as most people have it.

Source: GetResourceReplicas and groupPods in kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go,
and GetResourceUtilizationRatio in metrics/utilization.go beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from autoscaling.behavior import Tolerance

#: --horizontal-pod-autoscaler-cpu-initialization-period and -initial-readiness-delay, in seconds.
CPU_INITIALIZATION_PERIOD = 300
INITIAL_READINESS_DELAY = 30


@dataclass(frozen=True, slots=True)
class Pods:
    """So many pods that are alike.

    `usage` and `request` are whole numbers for one pod in the same unit, millicores or bytes; `usage` None means that
    no metric has arrived. `phase` is "Terminating" for a pod that is being deleted or has ended. `started` is when the
    pod started, or None; `ready_changed` when its Ready condition last changed. The metric was taken at `measured`,
    over `window` seconds.
    """

    count: int
    usage: int | None
    request: int
    phase: Literal["Pending", "Running", "Terminating"] = "Running"
    ready: bool = True
    started: float | None = 0.0
    ready_changed: float = 0.0
    measured: float = math.inf
    window: float = 0.0


class _Groups(NamedTuple):
    measured: list[Pods]
    unready: list[Pods]
    missing: list[Pods]


def utilization(
    resource: Literal["cpu", "memory"],
    pods: Sequence[Pods],
    target: int,
    *,
    now: float,
    current: int,
    tolerance: Tolerance,
    cpu_initialization_period: float = CPU_INITIALIZATION_PERIOD,
    initial_readiness_delay: float = INITIAL_READINESS_DELAY,
) -> int | None:
    """The replicas that bring the average use to `target` per cent of the request, or None when the metric fails.

    It fails without pods, and when no pod that counts has a metric. Pods without a metric are taken to use nothing when
    that would mean scaling up, all of their request when it would mean scaling down; unready pods nothing when scaling
    up. If that turns the direction round, nothing changes.
    """
    groups = _group(resource, pods, now, cpu_initialization_period, initial_readiness_delay)
    if not groups.measured:
        return None
    used = [(group, group.usage or 0) for group in groups.measured]
    ratio = _ratio(used, target)
    if ratio is None:
        return None
    up_with_unready = bool(groups.unready) and ratio > 1.0
    if not up_with_unready and not groups.missing:
        return current if tolerance.covers(ratio) else math.ceil(ratio * _count(groups.measured))
    if ratio < 1.0:
        used += [(group, group.request * max(100, target) // 100) for group in groups.missing]
    elif ratio > 1.0:
        used += [(group, 0) for group in groups.missing]
    if up_with_unready:
        used += [(group, 0) for group in groups.unready]
    corrected = _ratio(used, target)
    if corrected is None or tolerance.covers(corrected) or (ratio - 1.0) * (corrected - 1.0) < 0:
        return current
    replicas = math.ceil(corrected * _count([group for group, _ in used]))
    if (corrected < 1.0 and replicas > current) or (corrected > 1.0 and replicas < current):
        return current
    return replicas


def _group(
    resource: str, pods: Sequence[Pods], now: float, initialization_period: float, readiness_delay: float
) -> _Groups:
    groups = _Groups([], [], [])
    for pod in pods:
        if pod.phase == "Terminating" or not pod.count:
            continue
        if pod.phase == "Pending":
            groups.unready.append(pod)
        elif pod.usage is None:
            groups.missing.append(pod)
        elif resource == "cpu" and _unready(pod, now, initialization_period, readiness_delay):
            groups.unready.append(pod)
        else:
            groups.measured.append(pod)
    return groups


def _unready(pod: Pods, now: float, initialization_period: float, readiness_delay: float) -> bool:
    """Whether its CPU sample says nothing yet. Memory is not asked this."""
    if pod.started is None:
        return True
    if pod.started + initialization_period > now:
        return not pod.ready or pod.measured < pod.ready_changed + pod.window
    return not pod.ready and pod.started + readiness_delay > pod.ready_changed


def _ratio(used: list[tuple[Pods, int]], target: int) -> float | None:
    """Of the utilization, in whole per cent as the controller has it, to the target."""
    requested = sum(group.count * group.request for group, _ in used)
    if not requested:
        return None
    return sum(group.count * usage for group, usage in used) * 100 // requested / target


def _count(groups: list[Pods]) -> int:
    return sum(group.count for group in groups)
