"""KEDA: between 0 and 1 it decides itself, at its own poll; from 1 on it feeds a HorizontalPodAutoscaler.

Sources: https://keda.sh/docs/2.20/reference/scaledobject-spec/ and concepts/scaling-deployments/; kedacore/keda
pkg/scaling/executor/scale_scaledobjects.go (poll) and pkg/fallback/fallback.go (what the autoscaler gets for a metric
that cannot be read). The time is passed in; nothing is queried here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from autoscaling import external
from autoscaling.behavior import TOLERANCE, Behavior, Tolerance
from autoscaling.hpa import Decision, HorizontalPodAutoscaler
from autoscaling.spec import Replicas, Seconds, Spec, SpecError, quantity

#: Under which names a trigger's metadata has its target and its activation threshold.
_KEYS = {
    "prometheus": ("threshold", "activationThreshold"),
    "aws-cloudwatch": ("targetMetricValue", "activationTargetMetricValue"),
}


class MetricError(Exception):
    """A metric that could not be read."""


#: What a query came to: a number, None for no data (an empty result), or an error.
Reading = float | MetricError | None


class Trigger(NamedTuple):
    """What a trigger's metadata comes to, whatever its type."""

    target: float
    activation: float = 0.0
    metric_type: Literal["AverageValue", "Value"] = "AverageValue"
    #: No data is a value rather than an error. Both the prometheus and the aws-cloudwatch trigger start with true.
    ignore_null_values: bool = True
    #: That value: 0 for prometheus, minMetricValue for aws-cloudwatch.
    null_value: float = 0.0

    def read(self, reading: Reading) -> float | MetricError:
        """The reading, with "no data" made into a value or an error."""
        if reading is None:
            return self.null_value if self.ignore_null_values else MetricError("no data")
        return reading


class Fallback(Spec, frozen=True, kw_only=True):
    """What to report for a metric that has failed more than `failureThreshold` times in a row."""

    failure_threshold: Annotated[int, Meta(ge=0)]
    replicas: Replicas
    behavior: Literal["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"] = "static"

    def metric(self, trigger: Trigger, current: int, ready: int) -> float | MetricError:
        """The value that makes the autoscaler arrive at the wanted count (doFallback)."""
        match self.behavior:
            case "static":
                replicas = self.replicas
            case "currentReplicas":
                replicas = current
            case "currentReplicasIfHigher":
                replicas = max(current, self.replicas)
            case "currentReplicasIfLower":
                replicas = min(current, self.replicas)
        if trigger.metric_type == "AverageValue":
            return trigger.target * replicas
        return trigger.target * replicas / ready if ready else MetricError("no pod is ready")


class _AutoscalerConfig(Spec, frozen=True, kw_only=True):
    behavior: Behavior | None = None
    name: str | None = None


class _Advanced(Spec, frozen=True, kw_only=True):
    horizontal_pod_autoscaler_config: _AutoscalerConfig = _AutoscalerConfig()
    restore_to_original_replica_count: bool = False


class TriggerSpec(Spec, frozen=True, kw_only=True):
    """A trigger as a ScaledObject has it; metadata values are text."""

    type: Literal["prometheus", "aws-cloudwatch"]
    metadata: dict[str, str]
    name: str | None = None
    metric_type: Literal["AverageValue", "Value"] = "AverageValue"
    use_cached_metrics: bool = False
    authentication_ref: dict[str, str] | None = None

    def trigger(self, where: str = "metadata") -> Trigger:
        """Raises SpecError when the target is missing or a number is none."""
        target_key, activation_key = _KEYS[self.type]
        target = self._number(where, target_key, None)
        if target <= 0:
            raise SpecError(f"{where}.{target_key}", "must be more than 0")
        return Trigger(
            target=target,
            activation=self._number(where, activation_key, 0.0),
            metric_type=self.metric_type,
            ignore_null_values=self.metadata.get("ignoreNullValues", "true").lower() == "true",
            null_value=self._number(where, "minMetricValue", 0.0),
        )

    def _number(self, where: str, key: str, default: float | None) -> float:
        text = self.metadata.get(key)
        if text is None:
            if default is None:
                raise SpecError(f"{where}.{key}", "is missing")
            return default
        try:
            return quantity(text)
        except ValueError as error:
            raise SpecError(f"{where}.{key}", str(error)) from None


class ScaledObject(Spec, frozen=True, kw_only=True):
    """The `spec` of a ScaledObject (keda.sh/v1alpha1)."""

    scale_target_ref: dict[str, str] | None = None
    polling_interval: Seconds = 30
    cooldown_period: Seconds = 300
    initial_cooldown_period: Seconds = 0
    idle_replica_count: Literal[0] | None = None
    min_replica_count: Replicas = 0
    max_replica_count: Replicas = 100
    fallback: Fallback | None = None
    advanced: _Advanced = _Advanced()
    triggers: tuple[TriggerSpec, ...] = ()

    def __post_init__(self) -> None:
        if self.min_replica_count > self.max_replica_count:
            raise ValueError("minReplicaCount is above maxReplicaCount")
        if self.idle_replica_count is not None and self.min_replica_count == 0:
            raise ValueError("idleReplicaCount must be less than minReplicaCount")

    @property
    def behavior(self) -> Behavior | None:
        return self.advanced.horizontal_pod_autoscaler_config.behavior


class Keda:
    """A ScaledObject at work. Call `poll` every pollingInterval and `sync` at the autoscaler's own pace."""

    def __init__(
        self,
        spec: ScaledObject,
        triggers: Sequence[Trigger],
        *,
        behavior: Behavior | None = None,
        tolerance: float = TOLERANCE,
        created: float = 0.0,
    ) -> None:
        self.spec = spec
        self.triggers = triggers
        behavior = behavior or spec.behavior
        self.tolerance = behavior.tolerance(tolerance) if behavior else Tolerance(tolerance, tolerance)
        self.autoscaler = HorizontalPodAutoscaler(max(spec.min_replica_count, 1), spec.max_replica_count, behavior)
        self._created = created
        self._last_active: float | None = None
        self._failures = [0] * len(triggers)

    def poll(self, now: float, current: int, readings: Sequence[Reading]) -> int:
        """KEDA's own decision: the new count, which differs from `current` only on the way to or from idle."""
        spec = self.spec
        values = [trigger.read(reading) for trigger, reading in zip(self.triggers, readings, strict=True)]
        failed = any(isinstance(value, MetricError) for value in values)
        active = any(
            value > trigger.activation
            for trigger, value in zip(self.triggers, values, strict=True)
            if not isinstance(value, MetricError)
        )
        minimum, idle = spec.min_replica_count, spec.idle_replica_count
        if active:
            rises = current == 0 or (idle is not None and current < minimum)
            if rises or not failed:
                self._last_active = now
            return max(minimum, 1) if rises else current
        if failed and (spec.fallback is None or spec.fallback.replicas != 0):
            return current
        if (idle is not None and current > idle) or (current > 0 and minimum == 0):
            return (idle or 0) if self._cooled_down(now) else current
        return max(current, minimum) if idle is None else current

    def sync(self, now: float, current: int, ready: int, readings: Sequence[Reading]) -> Decision:
        """The autoscaler's decision over what KEDA reports to it. `current` is the spec's count and the status's."""
        proposals: list[int | None] = []
        for index, (trigger, reading) in enumerate(zip(self.triggers, readings, strict=True)):
            value = self._reported(index, trigger.read(reading), current, ready)
            if isinstance(value, MetricError):
                proposals.append(None)
            elif trigger.metric_type == "AverageValue":
                proposals.append(external.average_value(value, trigger.target, current, self.tolerance))
            else:
                proposals.append(external.value(value, trigger.target, current, ready, self.tolerance))
        return self.autoscaler.decide(now, current, proposals)

    def _reported(self, index: int, value: float | MetricError, current: int, ready: int) -> float | MetricError:
        if not isinstance(value, MetricError):
            self._failures[index] = 0
            return value
        self._failures[index] += 1
        fallback = self.spec.fallback
        if fallback is None or self._failures[index] <= fallback.failure_threshold:
            return value
        return fallback.metric(self.triggers[index], current, ready)

    def _cooled_down(self, now: float) -> bool:
        if self._last_active is None:
            return self._created + self.spec.initial_cooldown_period < now
        return self._last_active + self.spec.cooldown_period < now
