"""Sessions: begun by a connect, kept by traffic, ended by a disconnect, resumed by a token.

A connection is given a session whose id derives from its own (`Connection.session_id`). Only a connection that resumed
another session has a stored claim, looked up when the derived session turns out not to be held.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple, TypeVar

from backend import tokens
from backend.errors import ErrorCode, RefusedError
from backend.lru_cache import REMEMBERED, LruCache
from backend.ports import NotHeldError, Store
from backend.records import Claim, Connection, Origin, Session
from backend.tokens import GRACE_SECONDS, Token

#: After a failed touch this host leaves the store alone so long: an outage must not slow every message down.
RETRY_SECONDS = 10

_TAKEOVER_ATTEMPTS = 3

T = TypeVar("T")


class LostSessionError(RefusedError):
    """The connection no longer holds a session: another one took it over, or this one was taken for gone."""

    def __init__(self, session: Session | None = None) -> None:
        if session is not None and session.connection_id is None:
            super().__init__(ErrorCode.RELEASED, "this connection was taken for closed; reconnect and resume")
        else:
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
    """A session with its new token.

    `taken_from` is the connection that held it until now, if another one did; `left` is the session that the new one
    held instead.
    """

    session: Session
    token: Token
    taken_from: str | None = None
    left: Session | None = None


class TooManyRoomsError(RefusedError):
    """The session is in as many rooms as it may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(ErrorCode.LIMIT, f"a session may be in {limit} rooms at once; leave one first")


class Sessions:
    """The life of sessions over a store. Every method may raise UnavailableError; `now` is the caller's clock."""

    def __init__(
        self,
        store: Store,
        *,
        session_seconds: int,
        touch_seconds: int,
        max_rooms: int = 50,
        remembered: int = REMEMBERED,
    ) -> None:
        """`remembered` connections are those whose last touch this host knows: as many as it has, or more."""
        self._store = store
        self._session_seconds = session_seconds
        self._touch_seconds = touch_seconds
        self._max_rooms = max_rooms
        self._touches = LruCache[float](remembered)
        self._claims = LruCache[Claim](remembered)
        self._retry_at = 0.0

    def begin(self, connection: Connection, now: float) -> None:
        """Give a connection that opens its session. One write; a repeated call changes nothing."""
        self._store.create(self._new(connection, connection.session_id, generation=1, now=now), now)

    def end(self, connection: Connection, now: float) -> Session | None:
        """Let go of the connection's session, which stays resumable until it expires, and give it.

        Does nothing when the session is gone, has moved on to a newer connection, or was let go of before: API Gateway
        sends `$disconnect` late, more than once, or never.
        """
        self._touches.forget(connection.id)
        known = self._claims.get(connection.id)  # one call instead of three for who has resumed here
        self._claims.forget(connection.id)
        released = self._release(known, now) if known is not None else None
        if released is None:
            released = self._release(_derived(connection), now)
        if released is None and (claim := self._store.find_claim(connection.id, now)) is not None:
            released = self._release(claim, now)
        return released

    def gone(self, session_id: str, connection_id: str, now: float) -> Session | None:
        """Let go of a session whose connection turned out to be gone, and give it; None when another one holds it."""
        return self._release(Claim(session_id, connection_id), now)

    def _release(self, claim: Claim, now: float) -> Session | None:
        with suppress(NotHeldError):
            return self._store.release(claim, self._expiry(now), now)
        return None

    def touch(self, connection: Connection, now: float) -> None:
        """Keep the connection's session alive, and make it again if it vanished; at most once a touch interval.

        A session that another connection took over is left alone. After a failure the next attempts of this host wait
        RETRY_SECONDS.
        """
        if not self.touch_is_due(connection, now):
            return
        try:
            # Another host may have touched it: reading costs a tenth of a write, and hosts may be many.
            touched = self._last_touch(connection, now)
            if now - touched >= self._touch_seconds:
                self._hold(connection, now, lambda claim: self._store.touch(claim, self._expiry(now), now))
                touched = now
        except LostSessionError:
            touched = now  # Asking again with every message would find nothing new.
        except Exception:
            self._retry_at = now + RETRY_SECONDS
            raise
        self._touches.note(connection.id, touched)

    def touch_is_due(self, connection: Connection, now: float) -> bool:
        """Whether `touch` would ask the store, as far as this host knows."""
        if now - connection.connected_at < self._touch_seconds:  # a connection's own start was a touch
            return False
        return now - (self._touches.get(connection.id) or 0.0) >= self._touch_seconds and now >= self._retry_at

    def _last_touch(self, connection: Connection, now: float) -> float:
        """When the connection's session was last touched; 0 when that is not seen."""
        claim = self._claims.get(connection.id) or _derived(connection)
        session = self._store.find(claim.session_id, now, consistent=False)
        if session is None or session.connection_id != connection.id:
            return 0.0
        return session.expires_at - self._session_seconds

    def held(self, connection: Connection, now: float) -> Session:
        """The session that the connection holds, read consistently. Raises LostSessionError."""
        session = self._held(connection, now)
        if session is None:
            self._hold(connection, now, lambda claim: self._store.touch(claim, self._expiry(now), now))
            session = self._held(connection, now)
        if session is None:
            raise LostSessionError
        return session

    def origin(self, connection: Connection, action: str, request_id: str | None = None) -> Origin:
        """What the log says of a message: with the session that the connection holds, as far as this host knows.

        A request id is made where the host has none. Asks no store.
        """
        claim = self._claims.get(connection.id) or _derived(connection)
        return Origin(connection.id, claim.session_id, request_id or secrets.token_hex(8), action)

    def find(self, session_id: str, now: float) -> Session | None:
        """A live session, whoever holds it."""
        return self._store.find(session_id, now)

    def enter(self, connection: Connection, room: str, now: float) -> Session:
        """Add a room to the connection's session, and touch it. Raises LostSessionError and TooManyRoomsError."""
        session = self._hold(
            connection, now, lambda claim: self._store.enter(claim, room, self._max_rooms, self._expiry(now), now)
        )
        if session is None:
            raise TooManyRoomsError(self._max_rooms)
        self._touches.note(connection.id, now)
        return session

    def quit(self, connection: Connection, room: str, now: float) -> Session:
        """Take a room from the connection's session. Raises LostSessionError."""
        return self._hold(connection, now, lambda claim: self._store.quit(claim, room, now))

    def issue(self, connection: Connection, now: float) -> Issued:
        """A new resume token for the session the connection holds. Raises LostSessionError."""

        def rotate(claim: Claim) -> Issued:
            token = tokens.issue(claim.session_id)
            return Issued(self._rotate(claim, token, None, now), token)

        issued = self._hold(connection, now, rotate)
        self._touches.note(connection.id, now)
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
            if used.digest != found.token_hash and _milliseconds(connection) < found.connected_at:
                raise InvalidTokenError  # a younger connection has used it: this one was given up
            issued = self._take(found, used, connection, now)
            if issued is not None:
                self._touches.note(connection.id, now)
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
            connected_at=_milliseconds(connection),
            generation=found.generation + 1,
            expires_at=self._expiry(now),
            token_hash=token.digest,
            previous_token_hash=used.digest,
            previous_token_until=int(now) + GRACE_SECONDS,
        )
        if not self._store.take_over(found, taken, left, now):
            return None
        self._claims.note(connection.id, _claim(connection, taken))
        # Read again: what the older connection did until it lost the session, such as a join, counts.
        session = self._store.find(found.id, now) or taken
        return Issued(session, token, taken_from=found.connection_id, left=left)

    def _rotate(self, claim: Claim, token: Token, used: Token | None, now: float) -> Session:
        previous = used.digest if used is not None else None
        return self._store.rotate(
            claim, token.digest, int(now) + GRACE_SECONDS, self._expiry(now), now, previous=previous
        )

    def _hold(self, connection: Connection, now: float, act: Callable[[Claim], T]) -> T:
        """Act on the session the connection holds, made again first if it vanished. Raises LostSessionError."""
        known = self._claims.get(connection.id)
        if known is not None:
            with suppress(NotHeldError):
                return act(known)
            self._claims.forget(connection.id)
        claim = _derived(connection)
        try:
            return act(claim)
        except NotHeldError as error:
            session = error.session
        resumed = self._store.find_claim(connection.id, now)
        if resumed is not None:
            claim = resumed
            try:
                result = act(claim)
            except NotHeldError as error:
                session = error.session
            else:
                self._claims.note(connection.id, claim)
                return result
        if session is not None:
            raise LostSessionError(session)
        # Of two hosts that come here at once only one creates; both then act on the same session.
        self._store.create(self._new(connection, claim.session_id, generation=claim.generation or 1, now=now), now)
        try:
            return act(claim)
        except NotHeldError:
            raise LostSessionError from None

    def _held(self, connection: Connection, now: float) -> Session | None:
        """The session the connection holds, read without changing it."""
        known = self._claims.get(connection.id) or _derived(connection)
        session = self._store.find(known.session_id, now)
        if session is not None and session.connection_id == connection.id:
            return session
        claim = self._store.find_claim(connection.id, now)
        session = self._store.find(claim.session_id, now) if claim is not None else None
        if claim is None or session is None or session.connection_id != connection.id:
            return None
        self._claims.note(connection.id, claim)
        return session

    def _new(self, connection: Connection, session_id: str, *, generation: int, now: float) -> Session:
        return Session(
            id=session_id,
            connection_id=connection.id,
            generation=generation,
            connected_at=_milliseconds(connection),
            expires_at=self._expiry(now),
            principal=connection.principal,
        )

    def _expiry(self, now: float) -> int:
        return int(now) + self._session_seconds


def _milliseconds(connection: Connection) -> int:
    return round(connection.connected_at * 1000)


def _derived(connection: Connection) -> Claim:
    return Claim(connection.session_id, connection.id)


def _claim(connection: Connection, session: Session) -> Claim:
    if session.id == connection.session_id:
        return _derived(connection)
    return Claim(session.id, connection.id, session.generation)
