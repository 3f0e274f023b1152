"""Frames and their limits."""

from __future__ import annotations

from ..steps import Case, Closed, Connect, Ping, Receive, Send
from .common import error, joined

_OPEN = Connect("auth=allow")
_FRAME = "x" * 32_768

CASES = (
    Case(
        "frame-largest",
        "a frame of 32 KB arrives",
        ["9.frame"],
        [_OPEN, Send(_FRAME), Receive(_FRAME)],
    ),
    Case(
        "frame-too-large",
        "a frame of more than 32 KB closes the connection with 1009",
        ["9.frame"],
        [_OPEN, Send(_FRAME + "x"), Closed(1009)],
    ),
    Case(
        "frame-measured-in-bytes",
        "it is bytes that count, not characters",
        ["9.bytes"],
        [_OPEN, Send("é" * 16_385), Closed(1009)],
    ),
    Case(
        "message-largest",
        "a message of 128 KB in frames of 32 KB arrives",
        ["9.message", "9.fragments"],
        [_OPEN, Send([_FRAME] * 4), Receive(_FRAME * 4)],
    ),
    Case(
        "message-too-large",
        "a message of more than 128 KB closes the connection with 1009",
        ["9.message"],
        [_OPEN, Send([_FRAME, _FRAME, _FRAME, _FRAME, "x"]), Closed(1009)],
    ),
    Case(
        "message-fragmented",
        "the frames of a message are put together before it is routed",
        ["9.fragments"],
        [*joined(), Send(['{"action"', ':"ra', 'ise"}']), Receive(error("Internal server error"))],
    ),
    Case(
        "binary",
        "a binary message closes the connection with 1003",
        ["9.binary"],
        [_OPEN, Send(b"bytes"), Closed(1003)],
    ),
    Case(
        "ping",
        "the gateway answers a client's ping",
        ["9.pong"],
        [_OPEN, Ping(), Send("hello"), Receive("hello")],
    ),
)
