"""The part of the store that a connection's plain life needs, in memory: for simulations of many connections.

tests/backend/test_memory.py runs it and the real one through the same calls.
"""

from dataclasses import replace
from typing import Protocol

from backend.census import Row, Sample
from backend.ports import NotHeldError
from backend.records import Claim, Member, Session


class Lives(Protocol):
    """Those methods of the Store port that are here."""

    def create(self, session: Session, now: float) -> bool: ...
    def find(self, session_id: str, now: float, *, consistent: bool = True) -> Session | None: ...
    def touch(self, claim: Claim, expires_at: int, now: float) -> None: ...
    def release(self, claim: Claim, expires_at: int, now: float) -> Session: ...


class MemoryStore:
    """Sessions by id, and the Rows port over them. No resumes, no rooms: those are DynamoDB's to show."""

    def __init__(self, session_seconds: int) -> None:
        self._session_seconds = session_seconds
        self._sessions: dict[str, Session] = {}

    def create(self, session: Session, now: float) -> bool:
        """Unless a live one is there."""
        if self.find(session.id, now) is not None:
            return False
        self._sessions[session.id] = session
        return True

    def find(self, session_id: str, now: float, *, consistent: bool = True) -> Session | None:  # noqa: ARG002
        """The live one."""
        session = self._sessions.get(session_id)
        return session if session is not None and session.expires_at > now else None

    def find_claim(self, _connection_id: str, _now: float) -> Claim | None:
        """Nobody resumes here."""
        return None

    def touch(self, claim: Claim, expires_at: int, now: float) -> None:
        """As its holder."""
        self._sessions[claim.session_id] = replace(self._held(claim, now), expires_at=expires_at)

    def release(self, claim: Claim, expires_at: int, now: float) -> Session:
        """As its holder."""
        session = replace(self._held(claim, now), expires_at=expires_at, connection_id=None)
        self._sessions[claim.session_id] = session
        return session

    def sample(self, now: float) -> Sample:
        """All of them. What has expired is dropped, as DynamoDB does sooner or later."""
        self._sessions = {name: session for name, session in self._sessions.items() if session.expires_at > now}
        return Sample(
            [
                Row(Member(session.id, session.connection_id), session.expires_at - self._session_seconds)
                for session in self._sessions.values()
                if session.connection_id is not None
            ]
        )

    def _held(self, claim: Claim, now: float) -> Session:
        session = self.find(claim.session_id, now)
        if session is None or session.connection_id != claim.connection_id:
            raise NotHeldError(session)
        return session
