"""`publish`: a message to everybody in a room."""

from msgspec import Raw

from backend.actions import action
from backend.messaging import Messaging
from backend.protocol import Accepted, Request, Room, text_of
from backend.records import Connection


class PublishRequest(Request):
    """`{"action":"publish","room":R,"data":…}`"""

    room: Room
    data: Raw


@action(PublishRequest)
def publish(connection: Connection, request: PublishRequest, now: float, messaging: Messaging) -> Accepted:
    """Keep a message in a room, and answer `{"type":"accepted","room":R,"seq":N}`. Every member gets
    `{"type":"message","room":R,"epoch":E,"seq":N,"from":"<sessionId>","data":…}`.
    """
    message = messaging.publish(connection, request.room, text_of(request.data), request.id, now)
    return Accepted(room=request.room, seq=message.position.seq)
