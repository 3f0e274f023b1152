"""The decision of the HorizontalPodAutoscaler, step by step as its controller takes it.

Source: reconcileAutoscaler, computeReplicasForMetrics, stabilizeRecommendationWithBehaviors and
convertDesiredReplicasWithBehaviorRate in kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go (1.34 and
newer). Proposals come from `external` and `resources`; the time is passed in. Scaling to zero is left to KEDA: a count
of 0 means that the autoscaler is switched off, as it does up to Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from autoscaling.behavior import Behavior, Events
from autoscaling.window import Extreme

#: --horizontal-pod-autoscaler-sync-period of kube-controller-manager, in seconds.
SYNC_PERIOD = 15


class Decision(NamedTuple):
    """What one synchronization came to.

    `replicas` is the new count. `proposal` is what the metrics asked for before windows and policies had their say, or
    None when they could not be asked. `reason` is the controller's own word for it.
    """

    replicas: int
    proposal: int | None
    reason: str


class HorizontalPodAutoscaler:
    """One autoscaler with its memory: past recommendations and past changes of the count.

    Without `behavior` it goes the controller's older way: no policies, at most max(2 x current, 4) in one step up, and
    the highest recommendation of the last 300 seconds on the way down (normalizeDesiredReplicas).
    """

    def __init__(self, minimum: int, maximum: int, behavior: Behavior | None) -> None:
        self.minimum = minimum
        self.maximum = maximum
        self.behavior = behavior
        up, down = (behavior or Behavior()).scale_up, (behavior or Behavior()).scale_down
        self._up, self._down = up, down
        self._lowest = Extreme(up.stabilization_window_seconds, -1, closed=False)
        self._highest = Extreme(down.stabilization_window_seconds, 1, closed=behavior is None)
        self._events = Events(up.longest_period, down.longest_period)
        self._started = False

    def decide(self, now: float, current: int, proposals: Sequence[int | None]) -> Decision:
        """One synchronization. A proposal is a metric's replica count, or None when that metric failed.

        `current` is the count that the scale target's spec has. Call it with a time that never goes back.
        """
        if not self._started:  # recordInitialRecommendation
            self._started = True
            self._remember(now, current)
        if current == 0:
            return Decision(0, None, "ScalingDisabled")
        if current > self.maximum:
            return self._changed(now, current, Decision(self.maximum, None, "TooManyReplicas"))
        if current < self.minimum:
            return self._changed(now, current, Decision(self.minimum, None, "TooFewReplicas"))
        proposal = combine(proposals, current)
        if proposal is None:
            return Decision(current, None, "FailedGetMetrics")
        if self.behavior is None:
            replicas, reason = self._normalize_without_behavior(now, current, proposal)
        else:
            replicas, reason = self._normalize(now, current, proposal)
        return self._changed(now, current, Decision(replicas, proposal, reason))

    def _normalize(self, now: float, current: int, proposal: int) -> tuple[int, str]:
        # Stabilize: never above the lowest of the one window, never below the highest of the other.
        lowest = self._lowest.with_value(now, proposal)
        highest = self._highest.with_value(now, proposal)
        stabilized = min(max(current, lowest), highest)
        self._remember(now, proposal)
        # Then the policies, then the bounds.
        if stabilized > current:
            limit = max(self._up.limit(now, current, self._events), current)
            if stabilized > min(limit, self.maximum):
                return (limit, "ScaleUpLimit") if limit < self.maximum else (self.maximum, "TooManyReplicas")
        elif stabilized < current:
            limit = min(self._down.limit(now, current, self._events), current)
            if stabilized < max(limit, self.minimum):
                return (limit, "ScaleDownLimit") if limit > self.minimum else (self.minimum, "TooFewReplicas")
        if stabilized != proposal:
            return stabilized, "ScaleUpStabilized" if proposal >= current else "ScaleDownStabilized"
        return stabilized, "DesiredWithinRange"

    def _normalize_without_behavior(self, now: float, current: int, proposal: int) -> tuple[int, str]:
        stabilized = self._highest.with_value(now, proposal)
        self._remember(now, proposal)
        limit = max(2 * current, 4)
        if stabilized < self.minimum:
            return self.minimum, "TooFewReplicas"
        if stabilized > min(limit, self.maximum):
            return (limit, "ScaleUpLimit") if limit < self.maximum else (self.maximum, "TooManyReplicas")
        return stabilized, "DesiredWithinRange" if stabilized == proposal else "ScaleDownStabilized"

    def _remember(self, now: float, recommendation: int) -> None:
        self._lowest.add(now, recommendation)
        self._highest.add(now, recommendation)

    def _changed(self, now: float, current: int, decision: Decision) -> Decision:
        if decision.replicas != current:
            self._events.add(now, decision.replicas - current)
        return decision


def combine(proposals: Sequence[int | None], current: int) -> int | None:
    """The largest proposal. When some metric failed the others may only scale up; None stands for "change nothing".

    Source: computeReplicasForMetrics.
    """
    known = [proposal for proposal in proposals if proposal is not None]
    if not known:
        return None
    largest = max(known)
    if len(known) < len(proposals) and largest < current:
        return None
    return largest
