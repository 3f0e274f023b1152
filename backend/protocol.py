"""The client protocol: JSON text frames, `action` picks the route, every reply carries the `id` that was sent.

Here is what actions share. Each one's own request and reply are in its file in `backend/actions/`.

JSON here is what RFC 7493 (I-JSON) allows: a text with an unpaired surrogate escape, or nested deeper than the reader
goes, counts as not JSON, and is echoed as such.
"""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.json import Encoder

from backend.errors import ErrorCode, RefusedError
from backend.records import Message

Id = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Meta(min_length=1, max_length=128)]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Room = Annotated[str, Meta(min_length=1, max_length=128)]

#: Bytes of JSON that `data` may have: a frame to a client has at most 128 KiB, and other fields beside it.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
MAX_DATA = 126 * 1024


class Request(Struct, kw_only=True):
    """What every message with an action may have; each action adds its own fields. null is as good as absent."""

    id: Id | None = None


class Reply(Struct, tag_field="type", rename="camel", omit_defaults=True, kw_only=True):
    """A frame that answers a message."""

    id: int | str | UnsetType = UNSET


class ErrorReply(Reply, tag="error", kw_only=True):
    """Why a message was refused."""

    code: ErrorCode
    message: str


class Accepted(Reply, tag="accepted", kw_only=True):
    """A message is kept: in a room, or in somebody's inbox. Work is kept without a `seq`."""

    room: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class Answer(NamedTuple):
    """A reply, and the frames that are to reach the client after it, in their order."""

    reply: Reply
    then: Sequence[bytes] = ()


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


def text_of(raw: Raw) -> str:
    """The text of a request's `data`, as the client wrote it. Raises RefusedError when it is too large."""
    data = bytes(raw)
    if len(data) > MAX_DATA:
        raise RefusedError(ErrorCode.TOO_LARGE, f"data has {len(data)} bytes of JSON: at most {MAX_DATA} are allowed")
    return data.decode()
