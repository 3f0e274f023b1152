"""What the application remembers: connections, sessions, and which connection holds which session.

All times are seconds since the epoch. A record whose `expires_at` has passed is gone, whether or not the store still
has it: DynamoDB deletes expired items within days, not at the second.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ttl-expired-items.html
"""

import base64
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connection:
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
        digest = hashlib.sha256(self.id.encode()).digest()
        return base64.b32encode(digest).decode().lower()[:26]


@dataclass(frozen=True, slots=True)
class Session:
    """One client's state, held by one connection at a time, or by none between a disconnect and a resume.

    `generation` counts the takeovers: what belongs to an older one changes nothing. `epoch` and `seq` are the inbox's:
    the epoch tells an inbox that began anew from one that went on. Tokens are stored as SHA-256 hashes only.
    """

    id: str
    connection_id: str | None
    generation: int
    created_at: int
    expires_at: int
    epoch: int
    seq: int = 0
    principal: str | None = None
    token_hash: bytes | None = None
    previous_token_hash: bytes | None = None
    previous_token_until: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """What a connection says it holds. Without a generation it stands on the connection id alone."""

    session_id: str
    connection_id: str
    generation: int | None = None
