"""A scaling scenario: what scales, what the pods are like, what the traffic is. The JSON file has this very form."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from autoscaling.behavior import TOLERANCE, Behavior
from autoscaling.concurrency import Limits
from autoscaling.keda import Fallback, ScaledObject
from autoscaling.nodes import NodePool
from autoscaling.spec import Seconds, Spec, SpecError, parse_json
from autoscaling.target_tracking import Policy
from compare.errors import CompareError
from compare.scaling.traces import Generated, Points, Trace, read_csv

#: Larger files are a mistake, and would take long to say so.
MAX_BYTES = 64 * 2**20
MAX_TICKS = 2_500_000
#: The scenarios that come with this package.
SHIPPED = Path(__file__).with_name("examples")

Replicas = Annotated[int, Meta(ge=0, le=100_000)]
Most = Annotated[int, Meta(ge=1, le=100_000)]
Period = Annotated[int, Meta(ge=1, le=3600)]
Share = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[float, Meta(ge=0, le=1e12)]
Positive = Annotated[float, Meta(gt=0, le=1e12)]
Name = Annotated[str, Meta(min_length=1, max_length=40)]


class Keda(Spec, frozen=True, kw_only=True, tag_field="kind", tag="keda"):
    """KEDA over a fleet-wide metric; one of the two targets."""

    name: Name = "keda"
    min_replicas: Replicas = 0
    max_replicas: Most = 100
    target_average_value: Positive | None = None
    target_value: Positive | None = None
    activation_value: Amount = 0
    ignore_null_values: bool = True
    tolerance: Share = TOLERANCE
    sync_period_seconds: Period = 15
    polling_interval_seconds: Period = 30
    cooldown_period_seconds: Seconds = 300
    idle_replicas: Literal[0] | None = None
    fallback: Fallback | None = None
    #: null is an autoscaler without `behavior`: the controller's older way.
    behavior: Behavior | None = Behavior()

    def __post_init__(self) -> None:
        _ordered(self.min_replicas, self.max_replicas)
        if (self.target_average_value is None) == (self.target_value is None):
            raise ValueError("give one of targetAverageValue and targetValue")
        if self.idle_replicas is not None and not self.min_replicas:
            raise ValueError("idleReplicas needs minReplicas of 1 or more")

    @property
    def scaled_object(self) -> ScaledObject:
        return ScaledObject(
            min_replica_count=self.min_replicas,
            max_replica_count=self.max_replicas,
            polling_interval=self.polling_interval_seconds,
            cooldown_period=self.cooldown_period_seconds,
            idle_replica_count=self.idle_replicas,
            fallback=self.fallback,
        )


class _Resource(Spec, frozen=True, kw_only=True):
    min_replicas: Annotated[int, Meta(ge=1, le=100_000)] = 1
    max_replicas: Most
    target_utilization: Annotated[int, Meta(ge=1, le=1000)] = 80
    tolerance: Share = TOLERANCE
    sync_period_seconds: Period = 15
    behavior: Behavior | None = Behavior()

    def __post_init__(self) -> None:
        _ordered(self.min_replicas, self.max_replicas)


class Cpu(_Resource, frozen=True, kw_only=True, tag_field="kind", tag="cpu"):
    """The autoscaler as most people have it: CPU, in per cent of the request."""

    name: Name = "cpu"


class Memory(_Resource, frozen=True, kw_only=True, tag_field="kind", tag="memory"):
    """The same over memory."""

    name: Name = "memory"


class Ecs(Spec, frozen=True, kw_only=True, tag_field="kind", tag="ecs"):
    """Target tracking of an ECS service over connections a task. It looks once a minute, whatever the period is."""

    name: Name = "ecs"
    sync_period_seconds: Literal[5, 10, 15, 20, 30, 60] = 15
    min_replicas: Replicas = 1
    max_replicas: Most
    target_average_value: Positive
    scale_out_cooldown_seconds: Seconds = 300
    scale_in_cooldown_seconds: Seconds = 300
    scale_out_datapoints: Annotated[int, Meta(ge=1, le=1440)] = 3
    scale_in_datapoints: Annotated[int, Meta(ge=1, le=1440)] = 15
    scale_in_threshold: Annotated[float, Meta(gt=0, le=1)] = 0.9
    scale_in_step: Most | None = None

    def __post_init__(self) -> None:
        _ordered(self.min_replicas, self.max_replicas)

    @property
    def policy(self) -> Policy:
        return Policy(
            target_value=self.target_average_value,
            min_capacity=self.min_replicas,
            max_capacity=self.max_replicas,
            scale_out_cooldown=self.scale_out_cooldown_seconds,
            scale_in_cooldown=self.scale_in_cooldown_seconds,
            scale_out_datapoints=self.scale_out_datapoints,
            scale_in_datapoints=self.scale_in_datapoints,
            scale_in_threshold=self.scale_in_threshold,
            scale_in_step=self.scale_in_step,
        )


class Lambda(Spec, frozen=True, kw_only=True, tag_field="kind", tag="lambda"):
    """Functions behind API Gateway. Replicas are execution environments."""

    name: Name = "lambda"
    sync_period_seconds: Period = 15
    handler_milliseconds: Annotated[float, Meta(gt=0, le=900_000)] = 20
    cold_start_milliseconds: Annotated[float, Meta(ge=0, le=10_000)] = 400
    limits: Limits = Limits()


Autoscaler = Keda | Cpu | Memory | Ecs | Lambda


class Pod(Spec, frozen=True, kw_only=True):
    """What a pod uses, for `cpu` and `memory`.

    Defaults: an idle socket takes 9 KiB, and 30 us of CPU for a ping every 30 seconds; a handshake takes 0.2 ms of CPU.
    """

    cpu_request_millicores: Positive = 500
    cpu_base_millicores: Amount = 20
    cpu_per_connection_millicores: Amount = 0.001
    cpu_per_handshake_milliseconds: Amount = 0.2
    memory_request_mi_b: Positive = 256
    memory_base_mi_b: Amount = 64
    memory_per_connection_ki_b: Amount = 9


class Reconnect(Spec, frozen=True, kw_only=True):
    """How clients come back: cut ones spread over the jitter, refused ones after a random part of a doubling delay."""

    jitter_seconds: Annotated[float, Meta(ge=0, le=3600)] = 30
    backoff_base_seconds: Annotated[float, Meta(gt=0, le=3600)] = 1
    backoff_cap_seconds: Annotated[float, Meta(gt=0, le=3600)] = 60


class ApiGateway(Spec, frozen=True, kw_only=True):
    """A Region's default quotas; the gateway holds the sockets. A message's callbacks count against the same bucket."""

    connects_per_second: Positive = 500
    requests_per_second: Positive = 10_000
    callbacks_per_message: Amount = 1


class Outage(Spec, frozen=True, kw_only=True):
    """A stretch in which the metric fails, or with `noData` comes back empty, which KEDA by default takes for 0."""

    start_seconds: Seconds
    end_seconds: Seconds
    no_data: bool = False

    def __post_init__(self) -> None:
        if self.end_seconds <= self.start_seconds:
            raise ValueError("endSeconds is not after startSeconds")


class Scenario(Spec, frozen=True, kw_only=True):
    """One file. `autoscaler` may be a list: each is run over the same traffic."""

    autoscaler: Autoscaler | Annotated[tuple[Autoscaler, ...], Meta(min_length=1, max_length=20)]
    metric: Points | Annotated[str, Meta(min_length=1)] | Generated
    duration_seconds: Annotated[int, Meta(ge=1, le=366 * 86_400)] | None = None
    initial_replicas: Replicas | None = None
    pod_start_seconds: Seconds = 0
    pod_capacity: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    metric_delay_seconds: Seconds = 0
    #: Which connections an autoscaler over connections sees: those wanted, which is `metric` itself, or those held.
    observe: Literal["wanted", "held"] = "wanted"
    metric_period_seconds: Annotated[int, Meta(ge=0, le=3600)] = 0
    drain_seconds: Annotated[float, Meta(ge=0, le=7200)] = 0
    connection_lifetime_seconds: Annotated[float, Meta(ge=1)] | None = None
    messages_per_connection_per_minute: Amount = 0
    reconnect: Reconnect | None = None
    cuts: Annotated[tuple[tuple[Seconds, Share], ...], Meta(max_length=100_000)] = ()
    outages: Annotated[tuple[Outage, ...], Meta(max_length=100)] = ()
    nodes: NodePool | None = None
    pod: Pod = Pod()
    api_gateway: ApiGateway | None = None
    pod_hour_price: Amount | None = None

    @property
    def autoscalers(self) -> tuple[Autoscaler, ...]:
        return self.autoscaler if isinstance(self.autoscaler, tuple) else (self.autoscaler,)


@dataclass(frozen=True)
class Loaded:
    """A scenario that has been read and checked, with its traffic."""

    scenario: Scenario
    trace: Trace
    duration: int
    cuts: tuple[tuple[float, float], ...]


def load(path: Path) -> Loaded:
    """Reads a scenario file and the trace it names. Raises CompareError: the file, the place, what to do."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CompareError(f"{path}: larger than {MAX_BYTES // 2**20} MiB")
        text = path.read_bytes()
    except OSError as error:
        raise CompareError(f"{path}: {error.strerror}") from None
    try:
        return prepare(parse_json(text, Scenario), path.parent)
    except SpecError as error:
        raise CompareError(f"{path}: {error}") from None


def prepare(scenario: Scenario, folder: Path = Path()) -> Loaded:
    """Checks what one field alone cannot say. Raises SpecError with the place."""
    cuts = scenario.cuts
    duration = scenario.duration_seconds
    if isinstance(scenario.metric, str):
        trace = read_csv(folder / scenario.metric, scenario.metric)
        duration = duration or trace.length
    elif isinstance(scenario.metric, tuple):
        trace = Trace.of(scenario.metric)
    else:
        if duration is None:
            raise SpecError("durationSeconds", "is missing")
        trace = scenario.metric.trace(duration)
        cuts = tuple(sorted((*cuts, *scenario.metric.cuts())))
    if duration is None:
        raise SpecError("durationSeconds", "is missing")
    _check(scenario, duration)
    return Loaded(scenario=scenario, trace=trace, duration=duration, cuts=cuts)


def _check(scenario: Scenario, duration: int) -> None:
    names = [autoscaler.name for autoscaler in scenario.autoscalers]
    many = isinstance(scenario.autoscaler, tuple)
    for index, autoscaler in enumerate(scenario.autoscalers):
        where = f"autoscaler[{index}]" if many else "autoscaler"
        if duration / autoscaler.sync_period_seconds > MAX_TICKS:
            raise SpecError("durationSeconds", f"more than {MAX_TICKS:,} decisions; take a longer syncPeriodSeconds")
        if autoscaler.name in names[:index]:
            raise SpecError(f"{where}.name", f"{autoscaler.name} is there already; give each a name of its own")
        if not isinstance(autoscaler, Lambda) and scenario.pod_capacity is None:
            raise SpecError("podCapacity", "is missing")
    for index, (earlier, later) in enumerate(itertools.pairwise(scenario.cuts), 1):
        if later[0] < earlier[0]:
            raise SpecError(f"cuts[{index}]", "goes back in time")


def _ordered(minimum: int, maximum: int) -> None:
    if minimum > maximum:
        raise ValueError("minReplicas is above maxReplicas")
