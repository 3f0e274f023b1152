"""`behavior` of a HorizontalPodAutoscaler: how soon and how fast it may scale, in the autoscaling/v2 form.

Defaults and limits: kubernetes/kubernetes pkg/apis/autoscaling/v2/defaults.go and pkg/apis/autoscaling/validation, and
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/. The limits computed here are those of
calculateScaleUpLimitWithScalingRules and calculateScaleDownLimitWithBehaviors in
pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from autoscaling.spec import MAX_INT32, Spec, quantity

#: --horizontal-pod-autoscaler-tolerance of kube-controller-manager.
TOLERANCE = 0.1


class Tolerance(NamedTuple):
    """How far the ratio of metric to target may be from 1, below and above, before anything is done."""

    down: float = TOLERANCE
    up: float = TOLERANCE

    def covers(self, ratio: float) -> bool:
        """Tolerances.isWithin of replica_calculator.go: both ends belong to it."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Policy(Spec, frozen=True, kw_only=True):
    """At most so many pods, or per cent of the pods, within a period."""

    type: Literal["Pods", "Percent"]
    value: Annotated[int, Meta(gt=0, le=MAX_INT32)]
    period_seconds: Annotated[int, Meta(gt=0, le=1800)]


Policies = Annotated[tuple[Policy, ...], Meta(min_length=1)]
Window = Annotated[int, Meta(ge=0, le=3600)]


class _Rules(Spec, frozen=True, kw_only=True):
    stabilization_window_seconds: Window = 0
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    policies: Policies = (Policy(type="Percent", value=100, period_seconds=15),)
    #: Overrides the controller's own tolerance in this direction (beta since Kubernetes 1.34).
    tolerance: float | str | None = None

    def __post_init__(self) -> None:
        if self.tolerance is not None and quantity(self.tolerance) < 0:
            raise ValueError("tolerance must not be negative")

    @property
    def longest_period(self) -> int:
        return max(policy.period_seconds for policy in self.policies)

    def _limits(self, now: float, current: int, events: Events, sign: int, whole: Callable[[float], int]) -> list[int]:
        """What each policy allows, from the count as it was when the policy's period began."""
        if self.select_policy == "Disabled":
            return [current]
        limits = []
        for policy in self.policies:
            start = current - events.change(now, policy.period_seconds)
            if policy.type == "Pods":
                limits.append(start + sign * policy.value)
            else:
                limits.append(whole(start * (1 + sign * policy.value / 100)))
        return limits


class ScaleUp(_Rules, frozen=True, kw_only=True):
    """Defaults: no window; the larger of doubling and 4 pods within 15 seconds."""

    policies: Policies = (
        Policy(type="Percent", value=100, period_seconds=15),
        Policy(type="Pods", value=4, period_seconds=15),
    )

    def limit(self, now: float, current: int, events: Events) -> int:
        """The most replicas that the policies allow now. A percentage rounds up."""
        limits = self._limits(now, current, events, 1, math.ceil)
        return min(limits) if self.select_policy == "Min" else max(limits)


class ScaleDown(_Rules, frozen=True, kw_only=True):
    """Defaults: a window of 300 seconds (--horizontal-pod-autoscaler-downscale-stabilization); all pods at once."""

    stabilization_window_seconds: Window = 300

    def limit(self, now: float, current: int, events: Events) -> int:
        """The fewest replicas that the policies allow now. A percentage is cut off: it removes at least as many."""
        limits = self._limits(now, current, events, -1, int)
        return max(limits) if self.select_policy == "Min" else min(limits)


class Behavior(Spec, frozen=True, kw_only=True):
    """Both directions; what is not said takes the defaults."""

    scale_up: ScaleUp = ScaleUp()
    scale_down: ScaleDown = ScaleDown()

    def tolerance(self, default: float = TOLERANCE) -> Tolerance:
        """tolerancesForHpa of horizontal.go: each direction's own, or the controller's."""
        down, up = self.scale_down.tolerance, self.scale_up.tolerance
        return Tolerance(
            default if down is None else quantity(down),
            default if up is None else quantity(up),
        )


class Events:
    """Past changes of the replica count, each direction's as long as its own policies look back.

    The controller keeps no more than that even where the other direction's policies look back further: a new change
    takes the place of an outdated one of its direction (storeScaleEvent), and until then that one still counts.
    """

    def __init__(self, keep_up: float, keep_down: float) -> None:
        self._up: list[tuple[float, int]] = []
        self._down: list[tuple[float, int]] = []
        self._keep_up = keep_up
        self._keep_down = keep_down

    def add(self, now: float, change: int) -> None:
        events, keep = (self._up, self._keep_up) if change > 0 else (self._down, self._keep_down)
        outdated = [index for index, (at, _) in enumerate(events) if now - at > keep]
        if outdated:
            events[outdated[-1]] = (now, change)
        else:
            events.append((now, change))

    def change(self, now: float, period: float) -> int:
        """Net change within the period; an event exactly one period ago is outside (getReplicasChangePerPeriod)."""
        return sum(change for events in (self._up, self._down) for at, change in events if now - at < period)
