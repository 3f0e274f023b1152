"""Autoscalers at work: they ask for metrics at their own pace, in virtual time, and have a fleet scaled."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from autoscaling import target_tracking
from autoscaling.behavior import TOLERANCE, Tolerance
from autoscaling.hpa import SYNC_PERIOD, HorizontalPodAutoscaler
from autoscaling.keda import Keda, MetricError
from autoscaling.resources import Pods, utilization
from autoscaling.target_tracking import PERIOD, TargetTracking
from localcloud.errors import LocalError
from localcloud.pods.cloudwatch import evaluate
from localcloud.pods.model import OnCpu, Triggered

if TYPE_CHECKING:
    from autoscaling.keda import Reading
    from localcloud.clock import Clock
    from localcloud.pods.fleet import Fleet
    from localcloud.pods.model import Tracking
    from localcloud.pods.pod import Pod

Read = Callable[[Any, float], Awaitable["Reading"]]
"""Answers a query at a moment: a number; None for no data, MetricError when nobody can be asked."""

# A Prometheus that has just been started, or a pod, may take a moment: that is nothing to speak of.
_TROUBLED_STEPS = 4
_FIRST_SECONDS = 15.0  # real ones


@dataclass(frozen=True, slots=True)
class Finding:
    """What a metric came to, and what it should be for each replica."""

    metric: str
    value: float
    target: float

    def __str__(self) -> str:
        return f"{self.metric} {self.value:g}/{self.target:g}"


def line(before: int, after: int, noun: str, finding: Finding | None) -> str:
    """What a person is told of a decision: `2 -> 3 pods: ActiveConnections 650/300`."""
    return f"{before} -> {after} {noun}{'' if after == 1 else 's'}{f': {finding}' if finding else ''}"


class KedaLoop:
    """KEDA and its HorizontalPodAutoscaler: one polls, the other synchronizes."""

    def __init__(self, spec: Triggered, created: float) -> None:
        self.spec = spec
        self._keda = Keda(spec.spec, [trigger for trigger, _, _ in spec.triggers], created=created)
        self._polled: list[Reading] | None = None
        self._next_poll = self._next_sync = created
        self.trouble: str | None = None

    @property
    def due(self) -> float:
        """When it has something to do next."""
        return min(self._next_poll, self._next_sync)

    async def step(self, now: float, current: int, ready: int, read: Read) -> tuple[int, Finding | None]:
        """The count that is to be, and the metric that speaks for it; what cannot be read becomes the `trouble`."""
        if self._polled is None or now >= self._next_poll:
            self._next_poll = now + self.spec.spec.polling_interval
            self._polled = [await read(query, now) for _, query, _ in self.spec.triggers]
            polled = self._keda.poll(now, current, self._polled)
            if polled != current:
                return polled, self._finding(self._polled)
        if now < self._next_sync:
            return current, None
        self._next_sync = now + SYNC_PERIOD
        readings = [
            before if cached else await read(query, now)
            for (_, query, cached), before in zip(self.spec.triggers, self._polled, strict=True)
        ]
        self.trouble = self._failed(readings)
        return self._keda.sync(now, current, ready, readings).replicas, self._finding(readings)

    def _failed(self, readings: list[Reading]) -> str | None:
        """A line about the first metric that is not known."""
        for (trigger, query, _), reading in zip(self.spec.triggers, readings, strict=True):
            if isinstance(value := trigger.read(reading), MetricError):
                return f"{query.name}: {value}"
        return None

    def _finding(self, readings: list[Reading]) -> Finding | None:
        """The metric that asks for most."""
        found = [
            Finding(query.name, reading, trigger.target)
            for (trigger, query, _), reading in zip(self.spec.triggers, readings, strict=True)
            if isinstance(reading, int | float)
        ]
        return max(found, key=lambda one: one.value / one.target, default=None)


class TrackingLoop:
    """Application Auto Scaling's target tracking: a datapoint a minute for each policy."""

    def __init__(self, spec: Tracking, created: float) -> None:
        self.spec = spec
        self._policies = [TargetTracking(tracked.policy) for tracked in spec.policies]
        self.due = created
        self.trouble: str | None = None  # a minute without data is nothing to speak of

    async def step(self, now: float, current: int, ready: int, read: Read) -> tuple[int, Finding | None]:  # noqa: ARG002
        """The count that is to be, and the metric that speaks for it."""
        self.due = (now // PERIOD + 1) * PERIOD
        findings = []
        for tracked, policy in zip(self.spec.policies, self._policies, strict=True):
            readings = {name: await read(query, now) for name, query in tracked.queries.items()}
            values = {name: None if isinstance(one, MetricError) else one for name, one in readings.items()}
            average = evaluate(tracked.expression, values)
            policy.observe(average)
            if average is not None:
                name = next(query.name for query in tracked.queries.values())
                findings.append(Finding(name, average, tracked.policy.target_value))
        replicas = target_tracking.decide(self._policies, now, current)
        return replicas, max(findings, key=lambda one: one.value / one.target, default=None)


class CpuLoop:
    """A HorizontalPodAutoscaler on CPU, as most people have it, over real processes.

    It looks every 15 seconds, and takes what the processes used since it last looked, as metrics-server would tell.
    """

    def __init__(self, spec: OnCpu, fleet: Fleet, created: float) -> None:
        self.due = created
        self.trouble: str | None = None
        self._spec = spec
        self._fleet = fleet
        self._autoscaler = HorizontalPodAutoscaler(max(spec.bounds[0], 1), spec.bounds[1], None)
        self._used: dict[int, tuple[float, float]] = {}

    async def step(self, now: float, current: int, ready: int, read: Read) -> tuple[int, Finding | None]:  # noqa: ARG002
        """The count that is to be, and the average use in per cent."""
        before, self.due = self.due - SYNC_PERIOD, now + SYNC_PERIOD
        pods = [self._pod(pod, now, now - before) for pod in self._fleet.pods]
        request = self._fleet.spec.pod.cpu_request
        measured = [pod.usage for pod in pods if pod.usage is not None]
        average = sum(measured) / len(measured) * 100 / request if measured else 0.0
        proposal = utilization(
            "cpu", pods, self._spec.percent, now=now, current=current, tolerance=Tolerance(TOLERANCE, TOLERANCE)
        )
        finding = Finding("CPU %", round(average), self._spec.percent) if measured else None
        return self._autoscaler.decide(now, current, [proposal]).replicas, finding

    def _pod(self, pod: Pod, now: float, window: float) -> Pods:
        return Pods(
            1,
            self._millicores(pod),
            self._fleet.spec.pod.cpu_request,
            phase="Terminating" if pod.terminating else "Running" if pod.running else "Pending",
            ready=pod.ready,
            started=pod.started,
            ready_changed=pod.ready_since or pod.created,
            measured=now,
            window=window,
        )

    def _millicores(self, pod: Pod) -> int | None:
        """Thousandths of a CPU that its process used, in real time; None at the first look."""
        if pod.pid is None:
            return None
        clock = time.monotonic()
        try:
            times = psutil.Process(pod.pid).cpu_times()
        except psutil.Error:  # it has just ended
            return None
        used = times.user + times.system
        then = self._used.get(pod.pid)
        self._used[pod.pid] = (clock, used)
        return None if then is None or clock <= then[0] else round((used - then[1]) / (clock - then[0]) * 1000)


async def run(fleet: Fleet, read: Read, clock: Clock, report: Callable[[str, str], None]) -> None:
    """Have the fleet scaled until cancelled."""
    spec = fleet.spec
    loop: KedaLoop | TrackingLoop | CpuLoop
    if isinstance(spec.autoscaler, Triggered):
        loop = KedaLoop(spec.autoscaler, clock.now())
    elif isinstance(spec.autoscaler, OnCpu):
        loop = CpuLoop(spec.autoscaler, fleet, clock.now())
    elif spec.autoscaler is not None:
        loop = TrackingLoop(spec.autoscaler, clock.now())
    else:
        return
    troubled, told, speaks = 0, False, time.monotonic() + _FIRST_SECONDS
    try:
        while True:
            await clock.sleep_until(loop.due)
            current = fleet.wanted
            replicas, finding = await loop.step(clock.now(), current, fleet.ready, read)
            troubled = troubled + 1 if loop.trouble is not None else 0
            if told and not troubled:
                report(spec.name, "its metrics can be read again")
                told = False
            elif not told and troubled >= _TROUBLED_STEPS and time.monotonic() > speaks:
                report(spec.name, f"its metrics cannot be read: {loop.trouble}")
                told = True
            if replicas != current:
                report(spec.name, line(current, replicas, spec.noun, finding))
                fleet.scale(replicas)
    except LocalError as error:  # no address is left for one more
        report(spec.name, f"{error}; it is scaled no more")
