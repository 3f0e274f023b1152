"""What can be chosen at synth, read from the CDK context: `cdk deploy -c touch_seconds=60`."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, cast, get_args

AccessLogs = Literal["off", "on", "create-role"]

BACKENDS = ("lambda",)

# The values that CloudWatch Logs takes: API reference, PutRetentionPolicy.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# API Gateway drops a connection that has shown no traffic for this long: WebSocket API quotas.
IDLE_SECONDS = 600


class SettingsError(ValueError):
    """An unknown option or a value out of range; the text names it and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every option of the app. A context key is a field's name; there are no others.

    backends: how the backend is hosted; each one is a stack.
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
    """

    backends: tuple[str, ...] = BACKENDS
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
        return cls(**values)

    def __post_init__(self) -> None:
        for backend in self.backends:
            if backend not in BACKENDS:
                raise SettingsError(f"backends: unknown backend {backend!r}; known: {', '.join(BACKENDS)}")
        if not self.backends:
            raise SettingsError(f"backends: name at least one of {', '.join(BACKENDS)}")
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
        # A silent connection is alive for ten minutes, and its last touch may be one interval old by then.
        if self.session_seconds < IDLE_SECONDS + self.touch_seconds:
            raise SettingsError(
                f"session_seconds: {self.session_seconds} is less than {IDLE_SECONDS} + touch_seconds "
                f"({self.touch_seconds}): sessions would expire under live connections"
            )

    def _check(self, key: str, low: int, high: int) -> None:
        value = cast("int", getattr(self, key))
        if not low <= value <= high:
            raise SettingsError(f"{key}: {value} is not between {low} and {high}")


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
    return tuple(name.strip() for name in value.split(",")) if kind is tuple else value
