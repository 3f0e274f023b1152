"""Resume tokens: `<sessionId>.<secret>`, shown to the client once and stored as a hash."""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from backend.records import Session

#: How long the token before the current one stays good, in case the reply that carried the new one was lost.
GRACE_SECONDS = 60

_SECRET_BYTES = 32
_SHAPE = re.compile(r"([a-z2-7]{26})\.([A-Za-z0-9_-]{43})")


class Token(NamedTuple):
    """A resume token's two parts."""

    session_id: str
    secret: str

    def __str__(self) -> str:
        """The text the client gets and sends back."""
        return f"{self.session_id}.{self.secret}"

    def __repr__(self) -> str:
        """Without the secret, so that no log or traceback shows it."""
        return f"Token({self.session_id!r}, ...)"

    @property
    def digest(self) -> bytes:
        """What is stored: 256 random bits need no salt and no slow hash."""
        return hashlib.sha256(self.secret.encode()).digest()

    def opens(self, session: Session, now: float) -> bool:
        """Whether this is the session's token, or the one before within its grace. Compared in constant time."""
        current = session.token_hash or b""
        previous = session.previous_token_hash if session.previous_token_until > now else None
        # Both are always compared: the time taken says nothing about which one was close.
        matches = [hmac.compare_digest(self.digest, current), hmac.compare_digest(self.digest, previous or b"")]
        return any(matches)


def issue(session_id: str) -> Token:
    """A new token for a session: 32 random bytes, base64url."""
    return Token(session_id, secrets.token_urlsafe(_SECRET_BYTES))


def parse(text: str) -> Token | None:
    """The token in a text; None when it has no token's shape, and so never makes a key that DynamoDB refuses."""
    match = _SHAPE.fullmatch(text)
    return Token(match[1], match[2]) if match else None
