"""What is to run: containers with their probes, the load balancer in front of them, and their autoscaler."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaling.target_tracking import PERIOD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from autoscaling.keda import ScaledObject, Trigger
    from autoscaling.target_tracking import Policy
    from localcloud.pods.monitors import Scrape


@dataclass(frozen=True, slots=True)
class HttpGet:
    """A GET that is to be answered with 200 to 399."""

    port: int
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TcpSocket:
    """A connection that is to be accepted."""

    port: int


@dataclass(frozen=True, slots=True)
class Exec:
    """A command in the container that is to exit with 0."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sleep:
    """Nothing, for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Probe:
    """A question asked again and again. Times in seconds.

    Defaults: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
    """

    action: HttpGet | TcpSocket | Exec
    initial_delay: float = 0
    period: float = 10
    timeout: float = 1
    success_threshold: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class PodSpec:
    """A container, and how it is started, watched and ended.

    `where` names its resource in errors. `folder` is what its image is built from, `path` what it may import from,
    `command` what follows `program`, or `python` when that is empty. `environment` is in order, with `$(NAME)` not yet
    replaced. `grace` are seconds from the wish that it ends to SIGKILL. `cpu_request` are thousandths of a CPU.
    `asks_cluster`: it may speak to the Kubernetes API.
    """

    where: str
    folder: Path
    path: tuple[Path, ...]
    command: tuple[str, ...]
    program: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    startup: Probe | None = None
    liveness: Probe | None = None
    readiness: Probe | None = None
    pre_stop: HttpGet | Exec | Sleep | None = None
    grace: float = 30
    annotations: Mapping[str, str] = field(default_factory=dict)
    cpu_request: int = 0
    asks_cluster: bool = False


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """What a listener leads to. Times in seconds; `check_path` is None where a connection is check enough.

    Flows to a target end when it becomes unhealthy if `cuts_unhealthy`, and at the end of its deregistration if
    `cuts_deregistered`.
    """

    arn: str
    check_path: str | None = None
    check_port: int | None = None
    interval: float = 30
    timeout: float = 10
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    deregistration_delay: float = 300
    cuts_unhealthy: bool = True
    cuts_deregistered: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """Ready pods are targets of this group, with this port."""

    target_group: str
    port: int


@dataclass(frozen=True, slots=True)
class CloudWatchQuery:
    """A metric of CloudWatch: how it is summed up over `period` seconds, and how many seconds back a value may lie."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: int = PERIOD
    collection: int = PERIOD
    offset: float = 0


@dataclass(frozen=True, slots=True)
class PrometheusQuery:
    """What a Prometheus evaluates; `prefix` is the path before that of its API."""

    name: str
    text: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Triggered:
    """A ScaledObject: its triggers with what each asks, and whether its answer counts until the next poll."""

    spec: ScaledObject
    triggers: tuple[tuple[Trigger, CloudWatchQuery | PrometheusQuery, bool], ...]

    @property
    def bounds(self) -> tuple[int, int]:
        """The fewest replicas and the most."""
        return self.spec.min_replica_count, self.spec.max_replica_count


@dataclass(frozen=True, slots=True)
class Tracked:
    """A target tracking policy: `expression` over metrics by their ids."""

    policy: Policy
    expression: str
    queries: Mapping[str, CloudWatchQuery] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tracking:
    """All the policies of a service."""

    policies: tuple[Tracked, ...]

    @property
    def bounds(self) -> tuple[int, int]:
        """The fewest replicas and the most."""
        policy = self.policies[0].policy
        return policy.min_capacity, policy.max_capacity


@dataclass(frozen=True, slots=True)
class OnCpu:
    """Average use of CPU in per cent of the request, within these numbers of replicas."""

    percent: int
    bounds: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """Replicas of one pod. `name` is its variant's, or its own when it only helps; `noun` is what its platform calls a
    replica. `services` are the names by which others in its namespace reach it, `scrapes` where its metrics are.
    """

    name: str
    noun: str
    pod: PodSpec
    replicas: int
    bindings: tuple[Binding, ...]
    autoscaler: Triggered | Tracking | OnCpu | None = None
    # Where Container Insights counts it, if it does.
    counted_as: tuple[tuple[str, str], ...] = ()
    namespace: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    scrapes: tuple[Scrape, ...] = ()


@dataclass(frozen=True, slots=True)
class PodsPlan:
    """The containers of a stack, those of the variant first, and its load balancers: DNS name -> port of a listener ->
    ARN of its target group."""

    fleets: tuple[FleetSpec, ...] = ()
    balancers: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    groups: tuple[TargetGroup, ...] = ()
