"""`ping`: whether the backend answers."""

from backend.actions import action
from backend.protocol import Reply, Request


class Ping(Request):
    """`{"action":"ping"}`"""


class Pong(Reply, tag="pong"):
    """The reply to a ping."""


@action(Ping)
def ping() -> Pong:
    """Answer `{"type":"pong"}`."""
    return Pong()
