"""Sessions: begun by a connect, kept by traffic, ended by a disconnect, resumed by a token.

A connection is given a session whose id derives from its own (`Connection.session_id`). Only a connection that resumed
another session has a stored claim, looked up when the derived session turns out not to be held.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple, TypeVar

from backend import tokens
from backend.errors import ErrorCode, RefusedError
from backend.ports import NotHeldError, Store
from backend.records import Claim, Connection, Session
from backend.tokens import GRACE_SECONDS, Token

#: After a failed touch this host leaves the store alone so long: an outage must not slow every message down.
RETRY_SECONDS = 10

_TAKEOVER_ATTEMPTS = 3

T = TypeVar("T")


class LostSessionError(RefusedError):
    """The connection no longer holds a session: another one took it over, or this one has already ended."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.TAKEN_OVER, "another connection resumed this session")


class InvalidTokenError(RefusedError):
    """The token is unknown, used, expired, or somebody else's; the client is not told which."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.INVALID_TOKEN, "the resume token is unknown, used or expired")


class ConflictError(RefusedError):
    """Others kept changing the session at the same time."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.CONFLICT, "others are resuming this session too; try again")


class Issued(NamedTuple):
    """A session with its new token; `taken_from` is the connection that held it until now, if another one did."""

    session: Session
    token: Token
    taken_from: str | None = None


class Touches:
    """When this host last touched each connection's session, for the connections it saw last.

    Bounded: one that has been dropped costs a write too many, nothing else.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._touched: OrderedDict[str, float] = OrderedDict()

    def last(self, connection: Connection) -> float:
        """The last touch known here; a connection's own start was one."""
        return max(connection.connected_at, self._touched.get(connection.id, 0.0))

    def note(self, connection: Connection, now: float) -> None:
        """Remember a touch."""
        self._touched[connection.id] = now
        self._touched.move_to_end(connection.id)
        if len(self._touched) > self._limit:
            self._touched.popitem(last=False)

    def forget(self, connection: Connection) -> None:
        """Drop a connection that has ended."""
        self._touched.pop(connection.id, None)


class Sessions:
    """The life of sessions over a store. Every method may raise UnavailableError; `now` is the caller's clock."""

    def __init__(self, store: Store, *, session_seconds: int, touch_seconds: int) -> None:
        self._store = store
        self._session_seconds = session_seconds
        self._touch_seconds = touch_seconds
        self._touches = Touches()
        self._retry_at = 0.0

    def begin(self, connection: Connection, now: float) -> None:
        """Give a connection that opens its session. One write; a repeated call changes nothing."""
        self._store.create(self._new(connection, connection.session_id, generation=1, now=now), now)

    def end(self, connection: Connection, now: float) -> None:
        """Let go of the connection's session, which stays resumable until it expires.

        Does nothing when the session is gone, has moved on to a newer connection, or was let go of before: API Gateway
        sends `$disconnect` late, more than once, or never.
        """
        self._touches.forget(connection)
        expires_at = self._expiry(now)
        try:
            self._store.release(_derived(connection), expires_at, now)
        except NotHeldError:
            claim = self._store.find_claim(connection.id, now)
            if claim is not None:
                with suppress(NotHeldError):
                    self._store.release(claim, expires_at, now)

    def touch(self, connection: Connection, now: float) -> None:
        """Keep the connection's session alive, and make it again if it vanished; at most once a touch interval.

        A session that another connection took over is left alone. After a failure the next attempts of this host wait
        RETRY_SECONDS.
        """
        if now - self._touches.last(connection) < self._touch_seconds or now < self._retry_at:
            return
        try:
            self._hold(connection, now, lambda claim: self._store.touch(claim, self._expiry(now), now))
        except LostSessionError:
            pass  # Noted below all the same: asking again with every message would find nothing new.
        except Exception:
            self._retry_at = now + RETRY_SECONDS
            raise
        self._touches.note(connection, now)

    def issue(self, connection: Connection, now: float) -> Issued:
        """A new resume token for the session the connection holds. Raises LostSessionError."""

        def rotate(claim: Claim) -> Issued:
            token = tokens.issue(claim.session_id)
            return Issued(self._rotate(claim, token, None, now), token)

        issued = self._hold(connection, now, rotate)
        self._touches.note(connection, now)
        return issued

    def resume(self, connection: Connection, text: str, now: float) -> Issued:
        """Move the session a token opens to this connection, and issue a new token.

        The session the connection held until now is left: resumable if it ever had a token, gone otherwise. Raises
        InvalidTokenError, which changes nothing, and ConflictError.
        """
        used = tokens.parse(text)
        if used is None:
            raise InvalidTokenError
        for _ in range(_TAKEOVER_ATTEMPTS):
            found = self._store.find(used.session_id, now)
            if found is None or not used.opens(found, now) or found.principal not in {None, connection.principal}:
                raise InvalidTokenError
            issued = self._take(found, used, connection, now)
            if issued is not None:
                self._touches.note(connection, now)
                return issued
        raise ConflictError

    def _take(self, found: Session, used: Token, connection: Connection, now: float) -> Issued | None:
        """One attempt at a takeover; None when somebody else changed what was read."""
        token = tokens.issue(found.id)
        if found.connection_id == connection.id:
            try:
                return Issued(self._rotate(_claim(connection, found), token, used, now), token)
            except NotHeldError:
                return None
        left = self._held(connection, now)
        if left is not None and left.id == found.id:
            return None  # A message of this same connection was quicker.
        taken = replace(
            found,
            connection_id=connection.id,
            generation=found.generation + 1,
            expires_at=self._expiry(now),
            token_hash=token.digest,
            previous_token_hash=used.digest,
            previous_token_until=int(now) + GRACE_SECONDS,
        )
        if not self._store.take_over(found, taken, left, now):
            return None
        return Issued(taken, token, taken_from=found.connection_id)

    def _rotate(self, claim: Claim, token: Token, used: Token | None, now: float) -> Session:
        previous = used.digest if used is not None else None
        return self._store.rotate(
            claim, token.digest, int(now) + GRACE_SECONDS, self._expiry(now), now, previous=previous
        )

    def _hold(self, connection: Connection, now: float, act: Callable[[Claim], T]) -> T:
        """Act on the session the connection holds, made again first if it vanished. Raises LostSessionError."""
        claim = _derived(connection)
        try:
            return act(claim)
        except NotHeldError as error:
            session = error.session
        resumed = self._store.find_claim(connection.id, now)
        if resumed is not None:
            claim = resumed
            try:
                return act(claim)
            except NotHeldError as error:
                session = error.session
        if session is not None:
            raise LostSessionError
        # Of two hosts that come here at once only one creates; both then act on the same session.
        self._store.create(self._new(connection, claim.session_id, generation=claim.generation or 1, now=now), now)
        try:
            return act(claim)
        except NotHeldError:
            raise LostSessionError from None

    def _held(self, connection: Connection, now: float) -> Session | None:
        """The session the connection holds, read without changing it."""
        session = self._store.find(connection.session_id, now)
        if session is not None and session.connection_id == connection.id:
            return session
        claim = self._store.find_claim(connection.id, now)
        session = self._store.find(claim.session_id, now) if claim is not None else None
        return session if session is not None and session.connection_id == connection.id else None

    def _new(self, connection: Connection, session_id: str, *, generation: int, now: float) -> Session:
        return Session(
            id=session_id,
            connection_id=connection.id,
            generation=generation,
            created_at=int(now),
            expires_at=self._expiry(now),
            epoch=int(now * 1000),
            principal=connection.principal,
        )

    def _expiry(self, now: float) -> int:
        return int(now) + self._session_seconds


def _derived(connection: Connection) -> Claim:
    return Claim(connection.session_id, connection.id)


def _claim(connection: Connection, session: Session) -> Claim:
    if session.id == connection.session_id:
        return _derived(connection)
    return Claim(session.id, connection.id, session.generation)
