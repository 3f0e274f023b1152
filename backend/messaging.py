"""Rooms and inboxes: a message is kept in its stream first, then pushed to whoever is there."""

from backend.delivery import Delivery
from backend.errors import ErrorCode, RefusedError
from backend.ports import Members, Streams
from backend.presence import Presence
from backend.protocol import encode_message
from backend.records import Connection, Draft, Member, Message, Replay, is_session_id
from backend.sessions import Sessions


class Messaging:
    """What can be done with rooms and inboxes. Every method may raise UnavailableError and LostSessionError."""

    def __init__(
        self,
        sessions: Sessions,
        presence: Presence,
        streams: Streams,
        members: Members,
        delivery: Delivery,
        *,
        max_members: int = 1000,
    ) -> None:
        self._sessions = sessions
        self._presence = presence
        self._streams = streams
        self._members = members
        self._delivery = delivery
        self._max_members = max_members

    def join(self, connection: Connection, room: str, epoch: int | None, after: int | None, now: float) -> Replay:
        """Enter a room; what was missed `after` a place in it, if one is named.

        Whoever is in before the stream's end is read gets everything behind that end. Raises RefusedError when the
        session is in too many rooms, or the room is full.
        """
        full = self._members.count(room, self._max_members) >= self._max_members
        if full and room not in self._sessions.held(connection, now).rooms:
            raise RefusedError(ErrorCode.LIMIT, f"the room has {self._max_members} members: no more may join")
        session = self._sessions.enter(connection, room, now)
        self._presence.enter(room, session, connection, now)
        return self._replay(room_stream(room), epoch, after, now)

    def leave(self, connection: Connection, room: str, now: float) -> None:
        """Leave a room; one that was not joined is left already."""
        session = self._sessions.quit(connection, room, now)
        self._members.remove(room, Member(session.id, connection.id))

    def publish(
        self, connection: Connection, room: str, data: str, identifier: int | str | None, now: float
    ) -> Message:
        """Keep a message in a room, and push it to the members. A retry is kept once, and pushed again."""
        session = self._sessions.held(connection, now)
        message = self._streams.append(room_stream(room), Draft(session.id, data, identifier), now)
        # Read only now: a member whose join read the stream's end before this message is among them.
        self._delivery.publish(room, self._members.of(room, now), encode_message(message, room))
        return message

    def send(self, connection: Connection, to: str, data: str, identifier: int | str | None, now: float) -> Message:
        """Keep a message in the inbox of a session, and push it. Raises RefusedError when there is no such session."""
        sender = self._sessions.held(connection, now)
        message = self._keep(to, Draft(sender.id, data, identifier), now)
        if message is None:
            raise RefusedError(ErrorCode.NO_SESSION, "no such session, or it has expired")
        return message

    def result(self, session_id: str, identifier: int | str, data: str, now: float) -> bool:
        """Keep the result of work in the inbox of who asked, once, and push it. False when the session is gone."""
        return self._keep(session_id, Draft(session_id, data, identifier, "result"), now) is not None

    def inbox(self, session_id: str, epoch: int | None, after: int | None, now: float) -> Replay:
        """Where a session's inbox ends, and what was missed `after` a place in it, if one is named."""
        return self._replay(inbox_stream(session_id), epoch, after, now)

    def _keep(self, session_id: str, draft: Draft, now: float) -> Message | None:
        if not is_session_id(session_id) or self._sessions.find(session_id, now) is None:
            return None
        message = self._streams.append(inbox_stream(session_id), draft, now)
        # Read again: a connection that resumed the session, and its inbox, before this message gets it too.
        session = self._sessions.find(session_id, now)
        if session is not None and session.connection_id is not None:
            self._delivery.deliver(None, [Member(session.id, session.connection_id)], encode_message(message))
        return message

    def _replay(self, stream: str, epoch: int | None, after: int | None, now: float) -> Replay:
        if after is None:
            return Replay(self._streams.position(stream, now))
        return self._streams.replay(stream, epoch, after, now)


def room_stream(room: str) -> str:
    """The key of a room's stream."""
    return f"room#{room}"


def inbox_stream(session_id: str) -> str:
    """The key of a session's inbox."""
    return f"inbox#{session_id}"
