"""`send`: a message to one session."""

from msgspec import Raw

from backend.actions import action
from backend.messaging import Messaging
from backend.protocol import Accepted, Request, text_of
from backend.records import Connection


class SendRequest(Request):
    """`{"action":"send","to":"<sessionId>","data":…}`"""

    to: str
    data: Raw


@action(SendRequest)
def send(connection: Connection, request: SendRequest, now: float, messaging: Messaging) -> Accepted:
    """Keep a message in the inbox of a session, and answer `{"type":"accepted","seq":N}`. The session gets the message
    that a member of a room gets, without `room`, now or when it resumes.
    """
    message = messaging.send(connection, request.to, text_of(request.data), request.id, now)
    return Accepted(seq=message.position.seq)
