"""`join`: the way into a room, and to what was said there meanwhile."""

from msgspec import UNSET, UnsetType

from backend.actions import action
from backend.messaging import Messaging
from backend.protocol import Answer, Reply, Request, Room, Seq, encode_message
from backend.records import Connection


class JoinRequest(Request):
    """`{"action":"join","room":R[,"epoch":E,"after":N]}`"""

    room: Room
    epoch: Seq | None = None  # None: the present one
    after: Seq | None = None


class Joined(Reply, tag="joined", omit_defaults=False):
    """A room joined; what is in it behind `after` follows, when the client said where it was."""

    room: str
    epoch: int
    seq: int
    recovered: bool
    after: int | UnsetType = UNSET


@action(JoinRequest, touches=True)
def join(connection: Connection, request: JoinRequest, now: float, messaging: Messaging) -> Answer:
    """Enter a room, and answer `{"type":"joined","room":R,"epoch":E,"seq":N,"recovered":true}`. With `after` the answer
    has an `"after":A` too, and the messages behind A follow. `"recovered":false` says that the history does not reach
    back to what was asked for.
    """
    room = request.room
    replay = messaging.join(connection, room, request.epoch, request.after, now)
    reply = Joined(
        room=room,
        epoch=replay.position.epoch,
        seq=replay.position.seq,
        recovered=replay.recovered,
        after=UNSET if request.after is None else replay.after,
    )
    return Answer(reply, [encode_message(message, room) for message in replay.messages])
