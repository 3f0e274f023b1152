"""Who can be reached: what follows when a connection ends, is found gone, or takes a session over."""

import time

from backend.ports import Members, Outbound, UnavailableError
from backend.records import Connection, Member, Session
from backend.sessions import Issued, Sessions

#: A connection lives for two hours at most, and its memberships a little longer than that.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
MEMBER_SECONDS = 7200 + 600


class Presence:
    """Memberships follow the connection that holds their session: they are what a publish delivers to."""

    def __init__(self, sessions: Sessions, members: Members) -> None:
        self._sessions = sessions
        self._members = members

    def ended(self, connection: Connection, now: float) -> None:
        """The connection has ended. Nothing changes when its session has moved on."""
        session = self._sessions.end(connection, now)
        if session is not None:
            self._leave_rooms(session, connection.id)

    def gone(self, outbound: Outbound, room: str | None, member: Member) -> None:
        """A connection could not be found: its session and its memberships let go of it, and of no other.

        It is closed before: API Gateway has been seen to say so of connections that were there. Such a client notices,
        comes back, and resumes. One that kept its connection, let go of, would wait for what nobody sends it: where
        closing fails, nothing is let go of.
        """
        try:
            outbound.close(member.connection_id)
        except UnavailableError:
            return
        session = self._sessions.gone(member.session_id, member.connection_id, time.time())
        if session is not None:
            self._leave_rooms(session, member.connection_id)
        if room is not None and (session is None or room not in session.rooms):
            self._members.remove(room, member)

    def moved(self, connection: Connection, issued: Issued, now: float) -> None:
        """A session has moved to the connection: so do its rooms."""
        if issued.left is not None:
            self._leave_rooms(issued.left, connection.id)
        if issued.session.connection_id == connection.id:
            for room in issued.session.rooms:
                self.enter(room, issued.session, connection, now)

    def enter(self, room: str, session: Session, connection: Connection, now: float) -> None:
        """Deliver what is published in a room to the connection."""
        member = Member(session.id, connection.id)
        self._members.add(room, member, session.generation, int(now) + MEMBER_SECONDS)

    def _leave_rooms(self, session: Session, connection_id: str) -> None:
        for room in session.rooms:
            self._members.remove(room, Member(session.id, connection_id))
