"""`leave`: the way out of a room."""

from backend.actions import action
from backend.messaging import Messaging
from backend.protocol import Reply, Request, Room
from backend.records import Connection


class LeaveRequest(Request):
    """`{"action":"leave","room":R}`"""

    room: Room


class Left(Reply, tag="left"):
    """The session is not in the room any more."""

    room: str


@action(LeaveRequest)
def leave(connection: Connection, request: LeaveRequest, now: float, messaging: Messaging) -> Left:
    """Leave a room, and answer `{"type":"left","room":R}`."""
    messaging.leave(connection, request.room, now)
    return Left(room=request.room)
