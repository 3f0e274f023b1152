"""The autoscalers as the simulator drives them: one call at every synchronization."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from autoscaling.behavior import Tolerance
from autoscaling.hpa import HorizontalPodAutoscaler
from autoscaling.keda import Keda, Reading, Trigger
from autoscaling.resources import CPU_INITIALIZATION_PERIOD, Pods, utilization
from autoscaling.target_tracking import PERIOD, TargetTracking
from compare.scaling import scenario
from compare.scaling.fleet import Fleet

#: metrics-server's CPU is a rate over its resolution, in seconds.
WINDOW = 15


@dataclass(slots=True)
class View:
    """What an autoscaler sees: a fleet-wide metric, and what the pods have to do."""

    metric: Reading = 0.0
    connections: int = 0
    handshakes_per_second: float = 0.0


class Controller(Protocol):
    """Gives, for one synchronization, what the metric asks for within min and max, and the new count."""

    def step(self, now: float, current: int, fleet: Fleet, view: View) -> tuple[int, int]: ...


class KedaController:
    """KEDA polls for 0 and 1, its autoscaler does the rest. A poll that changes something goes first."""

    def __init__(self, spec: scenario.Keda) -> None:
        average = spec.target_average_value
        trigger = Trigger(
            target=average or spec.target_value or 0.0,
            activation=spec.activation_value,
            metric_type="Value" if average is None else "AverageValue",
            ignore_null_values=spec.ignore_null_values,
        )
        self._spec = spec
        self._keda = Keda(spec.scaled_object, [trigger], behavior=spec.behavior, tolerance=spec.tolerance)
        self._next_poll = 0.0

    def step(self, now: float, current: int, fleet: Fleet, view: View) -> tuple[int, int]:
        readings = [view.metric]
        if now >= self._next_poll:
            self._next_poll += self._spec.polling_interval_seconds
            polled = self._keda.poll(now, current, readings)
            if polled != current:
                return polled, polled
        decision = self._keda.sync(now, current, fleet.ready, readings)
        return _within(decision.proposal, decision.replicas, self._spec.min_replicas, self._spec.max_replicas)


class ResourceController:
    """The autoscaler over CPU or memory. Usage is taken as the average over ready pods."""

    def __init__(self, spec: scenario.Cpu | scenario.Memory, pod: scenario.Pod) -> None:
        self._spec = spec
        self._pod = pod
        self._cpu = isinstance(spec, scenario.Cpu)
        behavior = spec.behavior
        self._tolerance = behavior.tolerance(spec.tolerance) if behavior else Tolerance(spec.tolerance, spec.tolerance)
        self._autoscaler = HorizontalPodAutoscaler(spec.min_replicas, spec.max_replicas, behavior)

    def step(self, now: float, current: int, fleet: Fleet, view: View) -> tuple[int, int]:
        proposal = utilization(
            "cpu" if self._cpu else "memory",
            self._pods(now, fleet, view),
            self._spec.target_utilization,
            now=now,
            current=current,
            tolerance=self._tolerance,
        )
        decision = self._autoscaler.decide(now, current, [proposal])
        return _within(decision.proposal, decision.replicas, self._spec.min_replicas, self._spec.max_replicas)

    def _pods(self, now: float, fleet: Fleet, view: View) -> list[Pods]:
        pod = self._pod
        if self._cpu:
            request = round(pod.cpu_request_millicores * 1000)
            used = view.connections * pod.cpu_per_connection_millicores
            used += view.handshakes_per_second * pod.cpu_per_handshake_milliseconds
            usage = round((pod.cpu_base_millicores + used / max(fleet.ready, 1)) * 1000)
        else:
            request = round(pod.memory_request_mi_b * 1024)
            usage = round(
                pod.memory_base_mi_b * 1024 + view.connections * pod.memory_per_connection_ki_b / max(fleet.ready, 1)
            )
        settled = fleet.ready - sum(batch.pods for batch in fleet.fresh)
        pods = [Pods(settled, usage, request, started=-CPU_INITIALIZATION_PERIOD)]
        for batch in fleet.fresh:
            sampled = usage if now > batch.ready_at else None
            pods.append(
                Pods(
                    batch.pods,
                    sampled,
                    request,
                    started=batch.node_at,
                    ready_changed=batch.ready_at,
                    measured=now,
                    window=WINDOW,
                )
            )
        for batch in fleet.starting:
            waits = batch.node_at > now
            pods.append(
                Pods(batch.pods, None, request, "Pending" if waits else "Running", ready=False, started=batch.node_at)
            )
        return pods


class EcsController:
    """Target tracking of connections a running task, once a minute."""

    def __init__(self, spec: scenario.Ecs) -> None:
        self._spec = spec
        self._tracking = TargetTracking(spec.policy)
        self._asked: int | None = None

    def step(self, now: float, current: int, fleet: Fleet, view: View) -> tuple[int, int]:
        replicas = current
        if now % PERIOD == 0:
            total = view.metric if isinstance(view.metric, int | float) and fleet.ready else None
            self._asked = None if total is None else math.ceil(total / self._spec.target_average_value)
            self._tracking.observe(None if total is None else total / fleet.ready)
            replicas = self._tracking.decide(now, current)
        return _within(self._asked, replicas, self._spec.min_replicas, self._spec.max_replicas)


def controller(spec: scenario.Keda | scenario.Cpu | scenario.Memory | scenario.Ecs, pod: scenario.Pod) -> Controller:
    """The controller of a kind."""
    if isinstance(spec, scenario.Keda):
        return KedaController(spec)
    if isinstance(spec, scenario.Ecs):
        return EcsController(spec)
    return ResourceController(spec, pod)


def _within(proposal: int | None, replicas: int, minimum: int, maximum: int) -> tuple[int, int]:
    return replicas if proposal is None else min(max(proposal, minimum), maximum), replicas
