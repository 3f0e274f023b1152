"""What can be chosen at synth, read from the CDK context: `cdk deploy -c touch_seconds=60`."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, cast, get_args

from infra.checks import SettingsError, within
from infra.socket_settings import SocketSettings
from infra.variants import LAMBDA, NAMES

AccessLogs = Literal["off", "on", "create-role"]

# What Fargate runs: MiB by CPU units, 1,024 being one vCPU. Amazon ECS Developer Guide, "Task CPU and memory".
FARGATE_MEMORY = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16_385, 1024)),
    4096: tuple(range(8192, 30_721, 1024)),
}

# The values that CloudWatch Logs takes: API reference, PutRetentionPolicy.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

KEDA_VERSION = "2.20.2"

# API Gateway drops a connection that has shown no traffic for this long: WebSocket API quotas.
IDLE_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(SocketSettings):
    """Every option of the app. A context key is a field's name; there are no others but those of SocketSettings.

    backends: how the backend is hosted; each one is a stack. `all` is every one.
    access_logs: a JSON line for each connect, message and disconnect. API Gateway writes it through one role for the
        whole account and Region: `on` needs that role to be set, `create-role` sets it too.
    touch_seconds: a connection's row is written at most this often, however many messages it sends.
    session_seconds: a session is kept this long after it was last touched.
    throttle_rate, throttle_burst: messages and connects a second. An account has 10,000 (burst 5,000) for all its APIs
        in a Region together, so the defaults leave the others nine tenths.
    memory_mb: CPU comes in proportion, 1,769 MB being one vCPU. A handler is a few milliseconds of Python around a wait
        for DynamoDB; what more memory shortens is the cold start, since importing is CPU alone.
    timeout_seconds: of each function. API Gateway itself gives up after 29.
    max_rooms, max_members: rooms that a session may be in, members that a room may have.
    message_rate: messages a second of one connection in one function environment; 0 for no limit but the stage's.
    history_messages, history_seconds: what a stream keeps for clients that missed something, whichever is less. The
        time is at least session_seconds.
    retain_table: keep the table when the stack is destroyed. Nothing in it outlives its TTL anyway.

    For `eks` and `ecs`, a replica being a pod or a task:

    min_replicas, max_replicas: between them the autoscaler chooses.
    replica_cpu, replica_memory_mb: CPU units, 1,024 being one vCPU, and MiB, in one of Fargate's combinations: one
        process uses one vCPU at most.
    connections_per_replica: what the autoscaler aims at. A silent connection costs a pod next to nothing.
    messages_per_replica: what it aims at of API Gateway's messages a second, both directions. A publish to five members
        is seven of them, and about 5 ms of CPU.
    nat_gateways: one a zone outlives the loss of a zone, one for all costs half.
    keda_version: of the KEDA chart.
    secret_version: the version id of the gateway's secret that API Gateway is to show, when it is not the current one
        of the first deployment: docs/operations.md says how to rotate it.
    """

    backends: tuple[str, ...] = (LAMBDA.name,)
    access_logs: AccessLogs = "off"
    touch_seconds: int = 300
    session_seconds: int = 900
    log_retention_days: int = 14
    throttle_rate: int = 1000
    throttle_burst: int = 500
    memory_mb: int = 512
    timeout_seconds: int = 10
    max_rooms: int = 50
    max_members: int = 1000
    message_rate: int = 100
    history_messages: int = 100
    history_seconds: int = 3600
    retain_table: bool = False
    min_replicas: int = 3
    max_replicas: int = 20
    replica_cpu: int = 512
    replica_memory_mb: int = 1024
    connections_per_replica: int = 6000
    messages_per_replica: int = 400
    nat_gateways: int = 2
    keda_version: str = KEDA_VERSION
    secret_version: str = ""

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> Self:
        """Read the options among `context`: texts when they come from `-c`, JSON values when from cdk.json.

        Raises SettingsError, and nothing else.
        """
        known = {field.name for field in fields(cls)}
        options = {key: value for key, value in context.items() if not _belongs_to_cdk(key)}
        for key in options:
            if key not in known:
                raise SettingsError(_unknown(key, sorted(known)))
        defaults = asdict(cls())
        values: dict[str, Any] = {key: _parse(key, value, type(defaults[key])) for key, value in options.items()}
        if values.get("backends") == ("all",):
            values["backends"] = NAMES
        return cls(**values)

    def __post_init__(self) -> None:
        for backend in self.backends:
            if backend not in NAMES:
                raise SettingsError(f"backends: unknown backend {backend!r}; known: {', '.join(NAMES)}")
        if not self.backends:
            raise SettingsError(f"backends: name at least one of {', '.join(NAMES)}")
        if self.access_logs not in get_args(AccessLogs):
            raise SettingsError(f"access_logs: {self.access_logs!r} is not one of {', '.join(get_args(AccessLogs))}")
        if self.log_retention_days not in LOG_RETENTION_DAYS:
            allowed = ", ".join(map(str, LOG_RETENTION_DAYS))
            raise SettingsError(f"log_retention_days: {self.log_retention_days} is not one of {allowed}")
        # Most of a connection's idle time must be left when its touch is due.
        self._check("touch_seconds", 1, 480)
        self._check("session_seconds", 1, 86_400)
        # Zero would refuse everything, connects too.
        self._check("throttle_rate", 1, 100_000)
        self._check("throttle_burst", 1, 100_000)
        self._check("memory_mb", 128, 10_240)
        self._check("timeout_seconds", 1, 28)
        # The rooms are in the session's row, which every touch writes.
        self._check("max_rooms", 1, 200)
        self._check("max_members", 1, 10_000)
        self._check("message_rate", 0, 10_000)
        # Each one that was missed is a post of its own.
        self._check("history_messages", 1, 1000)
        self._check("history_seconds", 60, 7 * 86_400)
        self._check_replicas()
        self.check_sockets()
        # A silent connection is alive for ten minutes, and its last touch may be one interval old by then.
        if self.session_seconds < IDLE_SECONDS + self.touch_seconds:
            raise SettingsError(
                f"session_seconds: {self.session_seconds} is less than {IDLE_SECONDS} + touch_seconds "
                f"({self.touch_seconds}): sessions would expire under live connections"
            )

    def _check_replicas(self) -> None:
        # The variants never scale to nothing: a connect would wait for a pod longer than the gateway does.
        self._check("min_replicas", 1, 1000)
        self._check("max_replicas", self.min_replicas, 1000)
        self._check("connections_per_replica", 1, 1_000_000)
        self._check("messages_per_replica", 1, 100_000)
        self._check("nat_gateways", 1, 2)
        if self.replica_cpu not in FARGATE_MEMORY:
            allowed = ", ".join(map(str, FARGATE_MEMORY))
            raise SettingsError(f"replica_cpu: {self.replica_cpu} is not one of {allowed}")
        memory = FARGATE_MEMORY[self.replica_cpu]
        if self.replica_memory_mb not in memory:
            raise SettingsError(
                f"replica_memory_mb: {self.replica_memory_mb} does not go with replica_cpu {self.replica_cpu}; "
                f"use one of {', '.join(map(str, memory))}"
            )
        if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){2}", self.keda_version):
            raise SettingsError(f"keda_version: {self.keda_version!r} is not a version such as {KEDA_VERSION}")
        if not re.fullmatch(r"[0-9A-Za-z-]{32,64}|", self.secret_version):
            raise SettingsError(f"secret_version: {self.secret_version!r} is not the id of a version of a secret")

    def _check(self, key: str, low: int, high: int) -> None:
        within(key, cast("int", getattr(self, key)), low, high)


def _belongs_to_cdk(key: str) -> bool:
    """Feature flags (`@aws-cdk/…`), `aws:cdk:…`, lookups (`availability-zones:account=…`), the CLI's own notes."""
    return key.startswith("@") or ":" in key or key in {"acknowledged-issue-numbers", "cli-telemetry"}


def _unknown(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"unknown option {key!r}{hint} (options: {', '.join(known)})"


def _parse(key: str, value: object, kind: type) -> object:
    if kind is bool:
        if value in ("true", "false"):
            return value == "true"
        if isinstance(value, bool):
            return value
        raise SettingsError(f"{key}: {value!r} is neither true nor false")
    if kind is int:
        if isinstance(value, str) and re.fullmatch("-?[0-9]{1,9}", value):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise SettingsError(f"{key}: {value!r} is not a whole number")
    if not isinstance(value, str):
        raise SettingsError(f"{key}: {value!r} is not a text")
    if kind is tuple:
        return tuple(name.strip() for name in value.split(",")) if value or key == "backends" else ()
    return value
