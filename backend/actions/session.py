"""`session`: the session of a connection, or one that moves to it."""

from contextlib import suppress

from msgspec import UNSET, UnsetType

from backend.actions import action
from backend.log import logger
from backend.messaging import Messaging
from backend.ports import Outbound, UnavailableError
from backend.presence import Presence
from backend.protocol import Answer, Reply, Request, Seq, TakenOver, encode, encode_message
from backend.records import Connection, Position
from backend.sessions import Sessions


class SessionRequest(Request):
    """`{"action":"session"[,"resume":"<token>"[,"epoch":E][,"after":N]]}`"""

    resume: str | None = None
    epoch: Seq | None = None
    after: Seq | None = None


class SessionReply(Reply, tag="session", omit_defaults=False):
    """The session that a connection holds now. `expires_at`: epoch seconds, unless there is traffic before.

    What is in the inbox behind `after` follows.
    """

    session_id: str
    resume_token: str
    resumed: bool
    inbox: Position  # a dataclass, which is encoded as an object too
    expires_at: int
    after: int | UnsetType = UNSET


@action(SessionRequest, touches=True)
def session(
    connection: Connection,
    request: SessionRequest,
    now: float,
    sessions: Sessions,
    presence: Presence,
    messaging: Messaging,
    outbound: Outbound,
) -> Answer:
    """Answer
    `{"type":"session","sessionId":…,"resumeToken":…,"resumed":false,"inbox":{"epoch":E,"seq":N},"expiresAt":…}`. With
    `resume` the session of the token and its rooms move to this connection, and the answer has `"resumed":true` and a
    new token; with `after` it has an `"after":A` too, and what is in the inbox behind A follows.
    """
    resumed = request.resume is not None
    if request.resume is None:
        issued = sessions.issue(connection, now)
    else:
        issued = sessions.resume(connection, request.resume, now)
        presence.moved(connection, issued, now)
        if issued.taken_from is not None:
            _dismiss(outbound, issued.taken_from, issued.session.id)
    held = issued.session
    inbox = messaging.inbox(held.id, request.epoch, request.after if resumed else None, now)
    reply = SessionReply(
        session_id=held.id,
        resume_token=str(issued.token),
        resumed=resumed,
        inbox=inbox.position,
        expires_at=held.expires_at,
        after=UNSET if request.after is None or not resumed else inbox.after,
    )
    return Answer(reply, [encode_message(message) for message in inbox.messages])


def _dismiss(outbound: Outbound, connection_id: str, session_id: str) -> None:
    """Tell a connection that its session has moved on, and close it. Best effort: it may be gone already."""
    try:
        with suppress(UnavailableError):  # a client that does not read is closed all the same
            if not outbound.post(connection_id, encode(TakenOver(session_id))):
                return
        outbound.close(connection_id)
    except Exception:  # the session has moved: the client that resumed it needs the reply with its new token
        logger.exception("connection not told that it was taken over")
