"""What the environment decides, read once and checked before the first event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

#: API Gateway closes a connection that shows no traffic for ten minutes.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
IDLE_TIMEOUT_SECONDS = 600

BACKENDS = ("lambda", "eks", "sockets", "ecs")


class SettingsError(ValueError):
    """A variable is missing or has a value that is not allowed; the message names both."""


@dataclass(frozen=True)
class Settings:
    """The application's settings, one field an environment variable of the same name in capitals.

    `backend` is a dimension of every metric. `touch_seconds` is the least time between two writes that keep one session
    alive. `session_seconds` is how long a session outlives its last touch: never less than the time after which the
    gateway would have closed a silent connection, plus one touch interval. `connections_url` is the stage's
    `@connections` endpoint, as boto3 takes it for `endpoint_url`; only a host that posts needs it. `jobs_url` and
    `deliveries_url` are SQS queues: for work, and for what is published in large rooms.

    Caps: `max_rooms` of one session, `max_members` of one room, `message_rate` of one connection a second on one host
    (0: none). A stream's history has the last `history_messages` of the last `history_seconds`, or of `session_seconds`
    when that is longer: who may resume may catch up.
    """

    table_name: str
    backend: str = "lambda"
    touch_seconds: int = 300
    session_seconds: int = 900
    connections_url: str | None = None
    jobs_url: str | None = None
    deliveries_url: str | None = None
    max_rooms: int = 50
    max_members: int = 1000
    message_rate: int = 100
    history_messages: int = 100
    history_seconds: int = 3600

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read and check every variable. Raises SettingsError."""
        table_name = environment.get("TABLE_NAME", "")
        if not table_name:
            raise SettingsError("TABLE_NAME is not set: it must be the name of the DynamoDB table")
        backend = environment.get("BACKEND", cls.backend)
        if backend not in BACKENDS:
            raise SettingsError(f"BACKEND is {backend!r}: it must be one of {', '.join(BACKENDS)}")
        touch_seconds = whole_number(environment, "TOUCH_SECONDS", cls.touch_seconds, least=1)
        session_seconds = whole_number(environment, "SESSION_SECONDS", cls.session_seconds, least=1)
        if session_seconds < IDLE_TIMEOUT_SECONDS + touch_seconds:
            raise SettingsError(
                f"SESSION_SECONDS is {session_seconds}: it must be at least {IDLE_TIMEOUT_SECONDS + touch_seconds}, "
                f"the gateway's idle timeout ({IDLE_TIMEOUT_SECONDS}) plus TOUCH_SECONDS ({touch_seconds})"
            )
        return cls(
            table_name=table_name,
            backend=backend,
            touch_seconds=touch_seconds,
            session_seconds=session_seconds,
            connections_url=_url(environment, "CONNECTIONS_URL"),
            jobs_url=_url(environment, "JOBS_URL"),
            deliveries_url=_url(environment, "DELIVERIES_URL"),
            max_rooms=whole_number(environment, "MAX_ROOMS", cls.max_rooms, least=1),
            max_members=whole_number(environment, "MAX_MEMBERS", cls.max_members, least=1),
            message_rate=whole_number(environment, "MESSAGE_RATE", cls.message_rate, least=0),
            history_messages=whole_number(environment, "HISTORY_MESSAGES", cls.history_messages, least=1),
            history_seconds=max(
                session_seconds, whole_number(environment, "HISTORY_SECONDS", cls.history_seconds, least=1)
            ),
        )

    def posting_url(self) -> str:
        """`connections_url`, for a host that posts. Raises SettingsError when it is not set."""
        return _needed("CONNECTIONS_URL", self.connections_url, "the stage's https:// URL, without @connections")

    def work_url(self) -> str:
        """`jobs_url`, for who asks for work or does it. Raises SettingsError when it is not set."""
        return _needed("JOBS_URL", self.jobs_url, "the URL of the SQS queue for work")

    def queue_urls(self) -> tuple[str, str]:
        """`jobs_url` and `deliveries_url`, for who answers messages. Raises SettingsError when one is not set."""
        return self.work_url(), _needed(
            "DELIVERIES_URL", self.deliveries_url, "the URL of the SQS queue for large rooms"
        )


def _needed(name: str, value: str | None, what: str) -> str:
    if value is None:
        raise SettingsError(f"{name} is not set: it must be {what}")
    return value


def whole_number(
    environment: Mapping[str, str], name: str, default: int, *, least: int, most: int = 999_999_999
) -> int:
    """A variable that is a whole number. Raises SettingsError."""
    text = environment.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
        span = f"at least {least}" if most == 999_999_999 else f"from {least} to {most}"
        raise SettingsError(f"{name} is {text!r}: it must be a whole number, {span}")
    return int(text)


def _url(environment: Mapping[str, str], name: str) -> str | None:
    text = environment.get(name)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"https", "http"} and bool(parts.hostname)
    except ValueError:  # "https://[": an address that is no address
        valid = False
    if not valid:
        raise SettingsError(f"{name} is {text!r}: it must be an https:// URL (http:// on your own machine)")
    return text
