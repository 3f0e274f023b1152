"""What the core asks of the shell around it, and what it hears back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Accept:
    """Answer the handshake with 101; `subprotocol` is the only header that `$connect` can add."""

    connection_id: str
    subprotocol: str | None


@dataclass(frozen=True, slots=True)
class Reject:
    """Answer the handshake with an HTTP error and close the socket."""

    connection_id: str
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send a text frame to the client."""

    connection_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close the WebSocket towards the client."""

    connection_id: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Invoke:
    """Invoke a function with a JSON payload; `timeout` is the integration's, in seconds.

    The shell answers with `Gateway.completed(call_id, outcome)`.
    """

    connection_id: str
    call_id: str
    function_arn: str
    payload: bytes
    timeout: float


Effect = Accept | Reject | Send | Close | Invoke


@dataclass(frozen=True, slots=True)
class Returned:
    """The function returned this JSON."""

    payload: bytes


class Failed(Enum):
    """An integration that gave no result."""

    FUNCTION_ERROR = "the function raised, died, or ran into its own timeout"
    TIMED_OUT = "the integration's timeout passed"
    NOT_INVOKED = "there is no such function"
    THROTTLED = "the function has no concurrency left"


Outcome = Returned | Failed


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer of the gateway's HTTP side: a refused handshake or an @connections call."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
