"""What a client learns from the frames it gets."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a room, or of the inbox when `room` is None. Each one comes once, in its stream's order."""

    room: str | None
    epoch: int
    seq: int
    sender: str
    data: Any


@dataclass(frozen=True, slots=True)
class Result:
    """What came of the work with this id."""

    id: str | int
    epoch: int
    seq: int
    data: Any


@dataclass(frozen=True, slots=True)
class Lost:
    """The history of a stream no longer reached back to where this client was: up to `seq` there may have been more."""

    room: str | None
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply to a request: a frame of the protocol, an error included that is final."""

    id: str
    reply: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A request is not sent again, though no answer has come. The server may have closed a connection because of it."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The session is there: `fresh` when it is another than before."""

    session_id: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Another connection resumed this session. Final."""


Event = Message | Result | Lost | Answered | Unanswered | Resumed | TakenOver
