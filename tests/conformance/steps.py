"""What a case is made of: the steps that a runner takes, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.patterns import ANY

# `client` names one of a case's WebSocket connections.


@dataclass(frozen=True)
class Connect:
    """Open a connection, or be refused with an HTTP status.

    `suffix` goes after the stage in the URL. `signed` is how: not at all, with the `right` secret, with a `wrong` one,
    or with the right one in the `query`.
    """

    query: str = ""
    client: str = "a"
    status: int = 101
    headers: Mapping[str, str] = field(default_factory=dict)
    user_agent: str | None = "conformance/1"
    offers: Sequence[str] = ()
    chosen: str | None = None
    absent: Sequence[str] = ()
    """Headers that the answer must not have."""
    suffix: str = ""
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
    """The next message has to match."""

    pattern: Any
    client: str = "a"


@dataclass(frozen=True)
class Silent:
    """Nothing has come: the next message is the answer to one that is sent now."""

    probe: str
    pattern: Any
    client: str = "a"


@dataclass(frozen=True)
class Closed:
    """The gateway closes the connection with this code."""

    code: int
    client: str = "a"


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
    status: int
    pattern: Any = ANY
    """Of the body's text."""
    body: bytes = b""
    signed: str = "right"


@dataclass(frozen=True)
class Backend:
    """What reaches the backend at a path, about something that was remembered."""

    path: str
    about: str
    pattern: Any


Step = Connect | Send | Receive | Silent | Closed | Close | Ping | Http | Backend


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
