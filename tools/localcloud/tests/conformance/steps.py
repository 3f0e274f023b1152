"""What a case is made of: the steps that a runner takes, in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .patterns import ANY

# `client` names one of a case's WebSocket connections.


@dataclass(frozen=True)
class Connect:
    """Open a connection, or be refused with an HTTP status.

    `suffix` goes after the stage in the URL; `at` is a host and a path that stand for both. `signed` is how: not at
    all, with the `right` secret, with a `wrong` one, or with the right one in the `query`.
    """

    query: str = ""
    client: str = "a"
    status: int | Sequence[int] = 101
    """What it is, or may be."""
    headers: Mapping[str, str] = field(default_factory=dict)
    user_agent: str | None = "conformance/1"
    offers: Sequence[str] = ()
    chosen: str | None = None
    absent: Sequence[str] = ()
    """Headers that the answer must not have."""
    suffix: str = ""
    at: str = ""
    reads: bool = True
    """Whether the client does anything at all once it is connected, or is as if its line were dead."""
    signed: str = ""
    at_least: float = 0.0
    """Seconds that it has to take."""


@dataclass(frozen=True)
class Send:
    """Send a message: text, text in several frames, or bytes."""

    data: str | bytes | Sequence[str]
    client: str = "a"


@dataclass(frozen=True)
class Receive:
    """The next message has to match. It comes `after` so many seconds, as in `Closed`, for the client `since`."""

    pattern: Any
    client: str = "a"
    after: float = 0.0
    since: str = ""


@dataclass(frozen=True)
class Ask:
    """Send a message, and again while the answer does not match: what it leads to may not be ready yet."""

    data: str
    pattern: Any
    client: str = "a"


@dataclass(frozen=True)
class Silent:
    """Nothing has come: the next message is the answer to one that is sent now."""

    probe: str
    pattern: Any
    client: str = "a"


@dataclass(frozen=True)
class Wait:
    """Let so many seconds pass, by the clock of whatever runs the API."""

    seconds: float


@dataclass(frozen=True)
class Closed:
    """The gateway closes the connection with this code and this reason; None stands for any.

    It does so `after` so many seconds at the least since the client was connected, or last sent something by `Send`.
    What is sent every few minutes to keep it busy until then is `meanwhile`.
    """

    code: int | None
    client: str = "a"
    reason: str | None = None
    after: float = 0.0
    meanwhile: str = ""


@dataclass(frozen=True)
class Close:
    """Close the connection: with a code, with none (1005), or by cutting the line (1006)."""

    code: int = 1000
    reason: str = ""
    client: str = "a"


@dataclass(frozen=True)
class Ping:
    """Send a ping frame; the pong has to come back."""

    client: str = "a"


@dataclass(frozen=True)
class Http:
    """A request to the API's HTTP side. `path` goes after the stage, or stands alone when it begins with `//`."""

    method: str
    path: str
    status: int | Sequence[int]
    pattern: Any = ANY
    """Of the body's text."""
    body: bytes = b""
    signed: str = "right"


@dataclass(frozen=True)
class Until:
    """Take a step again and again, `most` times at the most, until its status is another one."""

    step: Http | Connect
    status: int
    most: int


@dataclass(frozen=True)
class Drain:
    """Receive what the last `Until` has posted: the same message, as often as it succeeded."""

    data: str
    client: str = "a"


@dataclass(frozen=True)
class Sdk:
    """A call that boto3's client makes, which finds the API in its environment. `arguments` are texts, but for Data."""

    operation: str
    arguments: Mapping[str, str]
    pattern: Any = ANY


@dataclass(frozen=True)
class Backend:
    """What reaches the backend at a path, about something that was remembered; with `never`, nothing may have."""

    path: str
    about: str
    pattern: Any = ANY
    never: bool = False


@dataclass(frozen=True)
class Logged:
    """A line of the log group has the text `about` and matches."""

    group: str
    about: str
    pattern: Any


@dataclass(frozen=True)
class Measured:
    """CloudWatch has a metric of these dimensions, and its statistic comes to so much at the least."""

    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    least: float = 1
    statistic: str = "Sum"
    namespace: str = "AWS/ApiGateway"


@dataclass(frozen=True)
class Metrics:
    """An API's metrics have no other names than these."""

    api: str
    names: Collection[str]


@dataclass(frozen=True)
class Refused:
    """An API with this part, a Route, an Integration or a Stage, cannot be made; the error has the text `about`."""

    kind: str
    properties: Mapping[str, Any]
    about: str


Step = (
    Connect
    | Send
    | Receive
    | Ask
    | Silent
    | Wait
    | Closed
    | Close
    | Ping
    | Http
    | Until
    | Drain
    | Sdk
    | Backend
    | Logged
    | Measured
    | Metrics
    | Refused
)


@dataclass(frozen=True)
class Case:
    """A situation and what Amazon API Gateway does in it.

    `api` is the one that it needs, by its name in `targets.APIS`; `facts` are the rows of `facts.py` that it shows.
    """

    id: str
    situation: str
    facts: Sequence[str]
    steps: Sequence[Step]
    api: str = "main"
    needs: str = ""
    """What it takes on AWS, where that is more than the API's URL and a moment."""
