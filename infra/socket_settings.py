"""The options of the pods that hold sockets, and what has to hold between them."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from infra.checks import SettingsError, not_less, within

Balancer = Literal["nlb", "tcp", "alb"]
OptionalTrigger = Literal["messages", "backlog", "capacity"]

PROMETHEUS_VERSION = "88.5.3"

# A TLS listener of a Network Load Balancer drops a flow that has been silent for so long, and this cannot be changed.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html#connection-idle-timeout
NLB_IDLE_SECONDS = 350

CERTIFICATE = "arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9A-Za-z-]+"

# Descriptors beside the sockets: handshakes under way, the kernel's backlog, the process' own. docs/sockets.md
OTHER_DESCRIPTORS = 2176
# Measured with 60,000 idle sockets: 8.6 KiB of the process and 5.0 KiB of the kernel. docs/benchmarks.md
BYTES_A_SOCKET = round((8.6 + 5.0) * 1024)
# More of the process when TLS ends in the pod, measured with 1,500 idle sockets.
TLS_BYTES_A_SOCKET = 26 * 1024
# Buffers of clients that talk, and of those that do not read, come on top of what silent ones need.
MEMORY_MARGIN = 2
# Python with the application loaded, as compare/cost assumes.
BASE_MIB = 128
# Between the end of a drain and SIGKILL: clients that take their time to answer a close, sessions that are let go of.
MARGIN_SECONDS = 30
LEAST_WINDOW_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSettings:
    """Options of `sockets`; every one of them begins with that, but for the certificate and the chart.

    sockets_min_replicas, sockets_max_replicas: between them KEDA chooses; two at least, so that one may go.
    sockets_per_replica: connections a pod that KEDA aims at. sockets_capacity: those that a pod takes; between the two
        is the room for what comes while new pods start.
    sockets_descriptors: files that a container may open: 65,536 softly on Bottlerocket, which Auto Mode's nodes run.
    sockets_cpu, sockets_memory_mb: of a pod: CPU units, 1,024 being one vCPU, and MiB. One process uses one vCPU.
    sockets_prestop_seconds: a pod that is to go serves on for so long, until the balancer has forgotten it.
    sockets_drain_seconds: then it sends its clients away, spread over so long.
    sockets_grace_seconds: from the beginning of that to SIGKILL; also the target group's deregistration delay.
    sockets_ping_seconds, sockets_idle_seconds: a silent client is pinged after the first, cut after the second.
    sockets_window_seconds: the autoscaler takes away what has been too much for so long.
    sockets_triggers: what to scale on beside connections: messages, backlog, capacity.
    sockets_messages_per_replica: messages a second, in and out, that the trigger `messages` aims at.
    sockets_backlog_mb: unsent MiB a pod that the trigger `backlog` aims at.
    sockets_rebalance_percent: a pod with more than so much above the pods' mean sends clients to others; 0: never.
    sockets_origins: pages that may connect, such as https://example.com, separated by commas; all when it is empty.
    sockets_balancer: nlb, where TLS ends; tcp, the same balancer when TLS ends in the pod; or alb, where TLS ends too,
        with a cookie and the target with the fewest sockets first.
    certificate_arn: of the balancer's certificate in ACM. Without it, deploying asks for the parameter CertificateArn.
    prometheus_version: of the kube-prometheus-stack chart.
    """

    sockets_min_replicas: int = 3
    sockets_max_replicas: int = 40
    sockets_per_replica: int = 6000
    sockets_capacity: int = 8000
    sockets_descriptors: int = 65_536
    sockets_cpu: int = 512
    sockets_memory_mb: int = 1024
    sockets_prestop_seconds: int = 120
    sockets_drain_seconds: int = 60
    sockets_grace_seconds: int = 240
    sockets_ping_seconds: int = 60
    sockets_idle_seconds: int = 150
    sockets_window_seconds: int = 600
    sockets_triggers: tuple[str, ...] = ()
    sockets_messages_per_replica: int = 1000
    sockets_backlog_mb: int = 32
    sockets_rebalance_percent: int = 0
    sockets_origins: tuple[str, ...] = ()
    sockets_balancer: Balancer = "nlb"
    certificate_arn: str = ""
    prometheus_version: str = PROMETHEUS_VERSION

    @property
    def sockets_shutdown_seconds(self) -> int:
        """What is left of the grace period when the preStop hook has waited."""
        return self.sockets_grace_seconds - self.sockets_prestop_seconds

    @property
    def sockets_memory_needed_mb(self) -> int:
        """What a full pod of idle clients needs, with the margin, rounded up."""
        return BASE_MIB - -self.sockets_capacity * self.bytes_a_socket * MEMORY_MARGIN // 2**20

    @property
    def bytes_a_socket(self) -> int:
        """Of the process and the kernel, idle."""
        return BYTES_A_SOCKET + (TLS_BYTES_A_SOCKET if self.tls_in_pod else 0)

    @property
    def tls_in_pod(self) -> bool:
        """Whether the balancer passes on what it does not read."""
        return self.sockets_balancer == "tcp"

    def check_sockets(self) -> None:
        """Raise SettingsError for the first thing that is wrong."""
        # With one pod, its drain is an outage.
        within("sockets_min_replicas", self.sockets_min_replicas, 2, 1000)
        within("sockets_max_replicas", self.sockets_max_replicas, self.sockets_min_replicas, 1000)
        within("sockets_descriptors", self.sockets_descriptors, 4096, 2**20)
        within("sockets_capacity", self.sockets_capacity, 2, 1_000_000)
        within("sockets_per_replica", self.sockets_per_replica, 1, 1_000_000)
        within("sockets_cpu", self.sockets_cpu, 256, 4096)
        within("sockets_rebalance_percent", self.sockets_rebalance_percent, 0, 100)
        within("sockets_memory_mb", self.sockets_memory_mb, 256, 65_536)
        not_less(
            "sockets_capacity",
            self.sockets_capacity,
            self.sockets_per_replica + 1,
            f"pods would be full before the autoscaler adds one at sockets_per_replica ({self.sockets_per_replica})",
        )
        not_less(
            "sockets_descriptors",
            self.sockets_descriptors,
            self.sockets_capacity + OTHER_DESCRIPTORS,
            f"a pod opens sockets_capacity ({self.sockets_capacity}) and {OTHER_DESCRIPTORS} more",
        )
        not_less(
            "sockets_memory_mb",
            self.sockets_memory_mb,
            self.sockets_memory_needed_mb,
            f"{self.sockets_capacity} sockets of {self.bytes_a_socket} bytes, times {MEMORY_MARGIN}, "
            f"and {BASE_MIB} MiB",
        )
        self._check_times()
        self._check_triggers()
        if self.sockets_balancer not in get_args(Balancer):
            known = ", ".join(get_args(Balancer))
            raise SettingsError(f"sockets_balancer: {self.sockets_balancer!r} is not one of {known}")
        if not re.fullmatch(rf"({CERTIFICATE})?", self.certificate_arn):
            raise SettingsError(f"certificate_arn: {self.certificate_arn!r} is not the ARN of a certificate in ACM")
        if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){2}", self.prometheus_version):
            raise SettingsError(
                f"prometheus_version: {self.prometheus_version!r} is not a version such as {PROMETHEUS_VERSION}"
            )

    def _check_times(self) -> None:
        within("sockets_prestop_seconds", self.sockets_prestop_seconds, 0, 600)
        within("sockets_drain_seconds", self.sockets_drain_seconds, 1, 1800)
        # The deregistration delay of a target group ends at an hour, as does the node's patience.
        within("sockets_grace_seconds", self.sockets_grace_seconds, 1, 3600)
        not_less(
            "sockets_grace_seconds",
            self.sockets_grace_seconds,
            self.sockets_prestop_seconds + self.sockets_drain_seconds + MARGIN_SECONDS,
            f"sockets_prestop_seconds ({self.sockets_prestop_seconds}) + sockets_drain_seconds "
            f"({self.sockets_drain_seconds}) + {MARGIN_SECONDS}: a pod would be killed before its clients have gone",
        )
        within("sockets_window_seconds", self.sockets_window_seconds, LEAST_WINDOW_SECONDS, 3600)
        within("sockets_ping_seconds", self.sockets_ping_seconds, 1, NLB_IDLE_SECONDS)
        not_less(
            "sockets_idle_seconds",
            self.sockets_idle_seconds,
            self.sockets_ping_seconds + 1,
            f"clients would be cut before their ping at sockets_ping_seconds ({self.sockets_ping_seconds})",
        )
        if self.sockets_idle_seconds >= NLB_IDLE_SECONDS:
            raise SettingsError(
                f"sockets_idle_seconds: {self.sockets_idle_seconds} is not less than {NLB_IDLE_SECONDS}: the balancer "
                "would drop silent clients before the pod knows"
            )

    def _check_triggers(self) -> None:
        for name in self.sockets_triggers:
            if name not in get_args(OptionalTrigger):
                known = ", ".join(get_args(OptionalTrigger))
                raise SettingsError(f"sockets_triggers: unknown trigger {name!r}; known: {known}")
        within("sockets_messages_per_replica", self.sockets_messages_per_replica, 1, 1_000_000)
        within("sockets_backlog_mb", self.sockets_backlog_mb, 1, 65_536)
        for origin in self.sockets_origins:
            if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin):
                raise SettingsError(f"sockets_origins: {origin!r} is not an origin such as https://example.com")
