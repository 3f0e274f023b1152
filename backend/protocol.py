"""The client protocol: JSON text frames, `action` picks the route, every reply carries the `id` that was sent.

JSON here is what RFC 7493 (I-JSON) allows: a text with an unpaired surrogate escape, or nested deeper than the reader
goes, counts as not JSON, and is echoed as such.
"""

from typing import Annotated, TypeVar

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType
from msgspec.json import Decoder, Encoder

from backend.errors import ErrorCode, RefusedError
from backend.records import Message, Position

Id = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Meta(min_length=1, max_length=128)]
Sequence = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Room = Annotated[str, Meta(min_length=1, max_length=128)]

#: Bytes of JSON that `data` may have: a frame to a client has at most 128 KiB, and other fields beside it.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
MAX_DATA = 126 * 1024


# --- what clients send -----------------------------------------------------------------------------------------------


class Ping(Struct):
    """`{"action":"ping"}`"""


class SessionRequest(Struct):
    """`{"action":"session"[,"resume":"<token>"[,"epoch":E][,"after":N]]}`; null is as good as absent."""

    resume: str | None = None
    epoch: Sequence | None = None
    after: Sequence | None = None


class JoinRequest(Struct):
    """`{"action":"join","room":R[,"epoch":E,"after":N]}`; an `after` without an epoch means the present one."""

    room: Room
    epoch: Sequence | None = None
    after: Sequence | None = None


class LeaveRequest(Struct):
    """`{"action":"leave","room":R}`"""

    room: Room


class PublishRequest(Struct):
    """`{"action":"publish","room":R,"data":…}`; the data is kept as it was written."""

    room: Room
    data: Raw


class SendRequest(Struct):
    """`{"action":"send","to":"<sessionId>","data":…}`"""

    to: str
    data: Raw


class WorkRequest(Struct):
    """`{"action":"work","data":…}`"""

    data: Raw


class Envelope(Struct, gc=False):
    """The part of a message that every action shares; the rest is still text.

    `action` is None when it is not a string. `id_error` says what is wrong with an `id` that is not allowed.
    """

    action: str | None
    id: int | str | UnsetType
    id_error: str | None


class _Fields(Struct):
    # Raw: an echo does not build the tree of what it echoes.
    action: Raw = Raw()
    id: Raw = Raw()


_fields = Decoder(_Fields)
_action = Decoder(str)
_OPENS = frozenset("{ \t\r\n")  # how the text of a JSON object may begin
_id = Decoder(Id | None)


def open_envelope(text: str) -> Envelope | None:
    """The envelope of a message; None when it is not a JSON object with an `action`. Raises nothing."""
    if text[:1] not in _OPENS:  # spares most echoes the cost of an exception
        return None
    try:
        fields = _fields.decode(text)
        raw_action, raw_id = bytes(fields.action), bytes(fields.id)
        if not raw_action:
            return None
        action = _action.decode(raw_action) if raw_action.startswith(b'"') else None
    except (DecodeError, RecursionError, UnicodeEncodeError):
        return None
    try:
        identifier = _id.decode(raw_id) if raw_id else None
    except DecodeError:
        return Envelope(action, UNSET, "id must be a string of 1 to 128 characters or a 64-bit integer")
    return Envelope(action, UNSET if identifier is None else identifier, None)


Request = TypeVar("Request")


def read(text: str, decoder: Decoder[Request]) -> Request:
    """The request of a known action. Raises RefusedError, with the field and what is wrong with it."""
    try:
        return decoder.decode(text)
    except DecodeError as error:
        raise RefusedError(ErrorCode.BAD_REQUEST, str(error)) from None


# --- what clients get ------------------------------------------------------------------------------------------------


class Reply(Struct, tag_field="type", rename="camel", omit_defaults=True, kw_only=True):
    """A frame that answers a message."""

    id: int | str | UnsetType = UNSET


class Pong(Reply, tag="pong"):
    """The reply to a ping."""


class SessionReply(Reply, tag="session", omit_defaults=False, kw_only=True):
    """The session a connection holds now. `expires_at`: epoch seconds, unless there is traffic before.

    What is in the inbox behind `after` follows.
    """

    session_id: str
    resume_token: str
    resumed: bool
    inbox: Position  # a dataclass, which is encoded as an object too
    expires_at: int
    after: int | UnsetType = UNSET


class ErrorReply(Reply, tag="error", kw_only=True):
    """Why a message was refused."""

    code: ErrorCode
    message: str


class Joined(Reply, tag="joined", omit_defaults=False, kw_only=True):
    """A room joined; what is in it behind `after` follows, when the client said where it was."""

    room: str
    epoch: int
    seq: int
    recovered: bool
    after: int | UnsetType = UNSET


class Left(Reply, tag="left", kw_only=True):
    """A room left."""

    room: str


class Accepted(Reply, tag="accepted", kw_only=True):
    """A message is kept: in a room, or in somebody's inbox. Work is kept without a `seq`."""

    room: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class MessageFrame(Struct, tag="message", tag_field="type", rename={"sender": "from"}, kw_only=True):
    """A message of a room, or, without one, of the session's inbox."""

    room: str | UnsetType = UNSET
    epoch: int
    seq: int
    sender: str
    data: Raw


class ResultFrame(Struct, tag="result", tag_field="type", kw_only=True):
    """What came of work, in the session's inbox."""

    id: int | str | None
    epoch: int
    seq: int
    data: Raw


class TakenOver(Struct, tag="taken-over", tag_field="type", rename="camel"):
    """To a connection whose session another one resumed. Final: it is closed next."""

    session_id: str


_encoder = Encoder()


def encode(frame: Reply | TakenOver) -> bytes:
    """A frame as UTF-8 JSON."""
    return _encoder.encode(frame)


def encode_message(message: Message, room: str | UnsetType = UNSET) -> bytes:
    """The frame of a message as UTF-8 JSON."""
    position, draft = message.position, message.draft
    data = Raw(draft.data.encode())
    frame: MessageFrame | ResultFrame
    if draft.kind == "result":
        frame = ResultFrame(id=draft.id, epoch=position.epoch, seq=position.seq, data=data)
    else:
        frame = MessageFrame(room=room, epoch=position.epoch, seq=position.seq, sender=draft.sender, data=data)
    return _encoder.encode(frame)


def data_of(request: PublishRequest | SendRequest | WorkRequest) -> str:
    """The text of a request's data. Raises RefusedError when it is too large."""
    data = bytes(request.data)
    if len(data) > MAX_DATA:
        raise RefusedError(ErrorCode.TOO_LARGE, f"data has {len(data)} bytes of JSON: at most {MAX_DATA} are allowed")
    return data.decode()
