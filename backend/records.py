"""What the application remembers: connections, sessions, and which connection holds which session.

All times are seconds since the epoch. A record whose `expires_at` has passed is gone, whether or not the store still
has it: DynamoDB deletes expired items within days, not at the second.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ttl-expired-items.html
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

_SESSION_ID = re.compile("[a-z2-7]{26}")


class Connection(NamedTuple):
    """One socket. `principal` is whom an authorizer named, if there is one."""

    id: str
    connected_at: float
    principal: str | None = None

    @property
    def session_id(self) -> str:
        """The id of the session this connection was given when it opened: 26 characters, 130 bits.

        Derived, so that a message finds its session without a read, a connect costs one write, and a session that
        vanished is made again under the same id.
        """
        return _digest(self.id)


@dataclass(frozen=True, slots=True)
class Origin:
    """The message that something is done for: what the log says of it, here and wherever a queue takes the rest.

    `request_id` is API Gateway's, or one of our own where it has not been asked. `action` is the name of a route.
    """

    connection_id: str
    session_id: str
    request_id: str
    action: str


@dataclass(frozen=True, slots=True)
class Session:
    """One client's state, held by one connection at a time, or by none between a disconnect and a resume.

    `generation` counts the takeovers: what belongs to an older one changes nothing. `connected_at` is when the
    connection that holds it, or did last, opened, in milliseconds. `rooms` are those it has joined, connected or not.
    Tokens are stored as SHA-256 hashes only.
    """

    id: str
    connection_id: str | None
    generation: int
    connected_at: int
    expires_at: int
    rooms: frozenset[str] = frozenset()
    principal: str | None = None
    token_hash: bytes | None = None
    previous_token_hash: bytes | None = None
    previous_token_until: int = 0


class Claim(NamedTuple):
    """What a connection says it holds. Without a generation it stands on the connection id alone."""

    session_id: str
    connection_id: str
    generation: int | None = None


class Member(NamedTuple):
    """Who gets what is published in a room: a session, through the connection that holds it."""

    session_id: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a stream. The epoch tells a stream that began anew from one that went on; a stream without messages
    is at epoch 0."""

    epoch: int = 0
    seq: int = 0


class Draft(NamedTuple):
    """A message before it has a place: `data` is JSON text, as the client sent it.

    Two drafts with the same sender, id and kind are one message that was sent twice.
    """

    sender: str
    data: str
    id: int | str | None = None
    kind: Literal["message", "result"] = "message"

    @property
    def key(self) -> str | None:
        """What two attempts have in common; None when they cannot be told. 26 characters, 130 bits of a hash."""
        if self.id is None:
            return None
        return _digest(f"{self.kind}#{self.sender}#{type(self.id).__name__}#{self.id}")


class Message(NamedTuple):
    """A message in its place."""

    position: Position
    draft: Draft


class Replay(NamedTuple):
    """A stream's end, and what of it a client missed, in order.

    `recovered` is False when the history no longer reaches back to where the client was.
    """

    position: Position
    messages: tuple[Message, ...] = ()
    recovered: bool = True

    @property
    def after(self) -> int:
        """The place before the first of the messages."""
        return self.messages[0].position.seq - 1 if self.messages else self.position.seq


def is_session_id(text: str) -> bool:
    """Whether a text has the shape of a session's id."""
    return _SESSION_ID.fullmatch(text) is not None


def _digest(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:26]
