"""What the core asks of the shell around it, and what it hears back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Handshake:
    """A client's upgrade request. `path` has no query; headers keep their case and order."""

    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    source_ip: str

    def header(self, name: str) -> str | None:
        """The last value of a header, whatever its case."""
        values = [value for key, value in self.headers if key.lower() == name]
        return values[-1] if values else None


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
    """Send a frame to the client: text, or binary for bytes."""

    connection_id: str
    data: str | bytes

    @property
    def text(self) -> str:
        """The frame's text; empty for a binary one."""
        return self.data if isinstance(self.data, str) else ""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the WebSocket towards the client."""

    connection_id: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Invoke:
    """Invoke a function with a JSON payload; `timeout` is the integration's, in seconds.

    The shell answers with `Gateway.completed(call_id, outcome)`. It starts `delay` seconds from now.
    """

    connection_id: str
    call_id: str
    function_arn: str
    payload: bytes
    timeout: float
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Fetch:
    """Make an HTTP request; `private` ones go through a VPC link to a load balancer that `url` names.

    The shell answers as it does an Invoke.
    """

    connection_id: str
    call_id: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout: float
    private: bool = False
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Log:
    """Write a line to the stage's access log."""

    line: str


Call = Invoke | Fetch
Effect = Accept | Reject | Send | Close | Call | Log


@dataclass(frozen=True, slots=True)
class Returned:
    """The function returned this JSON."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Raised:
    """The function raised: `{"errorMessage": …, "errorType": …}`, as Lambda's Invoke answers."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Responded:
    """The HTTP endpoint answered. Headers keep their order, their names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Failed(Enum):
    """An integration that gave no result."""

    FUNCTION_ERROR = "the function died, or ran into its own timeout"
    TIMED_OUT = "the integration's timeout passed"
    NOT_INVOKED = "there is no such function"
    THROTTLED = "the function has no concurrency left"
    UNREACHABLE = "the HTTP endpoint cannot be reached, or speaks no HTTP"
    BAD_REQUEST = "a mapping of the request gives nothing that can be sent"
    NO_TEMPLATE = "no template fits the request, and it may not be passed through"
    NO_RESPONSE = "no integration response fits the answer"
    BAD_RESPONSE = "the answer is not of the form that the integration needs"


Outcome = Returned | Raised | Responded | Failed


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer of the gateway's HTTP side: a refused handshake or an @connections call."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
