"""A HorizontalPodAutoscaler on CPU, as most people have it, in place of a fleet's own: over real processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil

from autoscaling.behavior import TOLERANCE, Tolerance
from autoscaling.hpa import SYNC_PERIOD, HorizontalPodAutoscaler
from autoscaling.resources import Pods, utilization
from localcloud.pods.metrics import Finding

if TYPE_CHECKING:
    from localcloud.pods.fleet import Fleet
    from localcloud.pods.metrics import OnCpu, Reader
    from localcloud.pods.pod import Pod


class CpuLoop:
    """Looks every 15 seconds, and takes what the processes used since it last looked, as metrics-server would tell."""

    def __init__(self, spec: OnCpu, fleet: Fleet, created: float) -> None:
        self.due = created
        self.trouble: str | None = None
        self._spec = spec
        self._fleet = fleet
        self._autoscaler = HorizontalPodAutoscaler(max(spec.bounds[0], 1), spec.bounds[1], None)
        self._used: dict[int, tuple[float, float]] = {}

    async def step(self, now: float, current: int, ready: int, reader: Reader) -> tuple[int, Finding | None]:  # noqa: ARG002
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
