"""Application Auto Scaling's target tracking for an ECS service.

Sources: https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html and
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html. AWS says that it
creates the alarms, scales out in proportion and scales in more gradually, that cooldowns separate activities, and that
missing data never scales in. The alarms' lengths, the lower threshold and the rounding are not promised: they are what
people observe, so they are fields with those defaults.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from msgspec import Meta

from autoscaling.spec import Replicas, Seconds, Spec

#: Alarms look at one datapoint a minute.
PERIOD = 60


class Policy(Spec, frozen=True, kw_only=True):
    """A target tracking policy. The metric is an average over tasks: it falls when tasks are added."""

    target_value: Annotated[float, Meta(gt=0)]
    min_capacity: Replicas
    max_capacity: Replicas
    scale_out_cooldown: Seconds = 300
    scale_in_cooldown: Seconds = 300
    disable_scale_in: bool = False
    #: Observed: the high alarm needs 3 datapoints above the target, the low one 15 below 90 % of it.
    scale_out_datapoints: Annotated[int, Meta(ge=1, le=1440)] = 3
    scale_in_datapoints: Annotated[int, Meta(ge=1, le=1440)] = 15
    scale_in_threshold: Annotated[float, Meta(gt=0, le=1)] = 0.9
    #: Inferred from "scales in more gradually": at most so many tasks go at once. Not set, the removal is proportional.
    scale_in_step: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        if self.min_capacity > self.max_capacity:
            raise ValueError("minCapacity is above maxCapacity")


class _Activity(NamedTuple):
    until: float
    base: int


class TargetTracking:
    """A policy at work: `observe` a datapoint a minute, then `decide`."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._datapoints: deque[float | None] = deque(
            maxlen=max(policy.scale_out_datapoints, policy.scale_in_datapoints)
        )
        self._out: _Activity | None = None
        self._in_until = -math.inf

    def observe(self, average: float | None) -> None:
        """One minute's average over tasks; None when there was no data."""
        self._datapoints.append(average)

    def wants_in(self, current: int) -> bool:
        """Whether it would have fewer."""
        policy = self.policy
        low = policy.target_value * policy.scale_in_threshold
        return (
            not policy.disable_scale_in
            and self._breaching(policy.scale_in_datapoints, below=low)
            and max(self._proportional(current), policy.min_capacity) < current
        )

    def decide(self, now: float, current: int, *, scale_in: bool = True) -> int:
        """The new desired count. `current` is the service's desired count; `scale_in` whether fewer are allowed now."""
        policy = self.policy
        bounded = min(max(current, policy.min_capacity), policy.max_capacity)
        if bounded != current:
            return bounded
        if self._breaching(policy.scale_out_datapoints, above=policy.target_value):
            return self._scale_out(now, current)
        if scale_in and self.wants_in(current):
            return self._scale_in(now, current)
        return current

    def _scale_out(self, now: float, current: int) -> int:
        """In proportion. During a cooldown only by more than the activity that began it (ScaleOutCooldown)."""
        base = self._out.base if self._out and now < self._out.until else current
        wanted = min(self._proportional(base), self.policy.max_capacity)
        if wanted <= current:
            return current
        self._out = _Activity(now + self.policy.scale_out_cooldown, base)
        self._in_until = -math.inf  # a scale-out ends the cooldown of a scale-in (ScaleInCooldown)
        return wanted

    def _scale_in(self, now: float, current: int) -> int:
        """In proportion, rounded so that the target is not exceeded."""
        if now < self._in_until:
            return current
        wanted = max(self._proportional(current), self.policy.min_capacity)
        if self.policy.scale_in_step is not None:
            wanted = max(wanted, current - self.policy.scale_in_step)
        if wanted >= current:
            return current
        self._in_until = now + self.policy.scale_in_cooldown
        return wanted

    def _proportional(self, base: int) -> int:
        return math.ceil(base * (self._datapoints[-1] or 0.0) / self.policy.target_value)

    def _breaching(self, count: int, *, above: float | None = None, below: float | None = None) -> bool:
        """Whether the last so many datapoints are all there, and all beyond the threshold."""
        if len(self._datapoints) < count:
            return False
        for index in range(1, count + 1):
            value = self._datapoints[-index]
            if value is None or (above is not None and value <= above) or (below is not None and value >= below):
                return False
        return True


def decide(policies: Sequence[TargetTracking], now: float, current: int) -> int:
    """The count that several policies of one service come to: the most that any asks for, and fewer only when all do.

    Source: "Considerations" in the overview of target tracking scaling policies.
    """
    all_in = all(policy.wants_in(current) for policy in policies)
    return max(policy.decide(now, current, scale_in=all_in) for policy in policies)
