"""Clients that nobody here wrote, on real sockets."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

from websockets.sync.client import connect

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PATIENCE = 60  # seconds; only a failing test waits that long


class Backend(Protocol):
    """A running variant: all that the tests know of it."""

    @property
    def url(self) -> str: ...


class Peer:
    """One connection. Frames that a test has not asked for yet wait."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def text(self) -> str:
        """The next frame, as it is."""
        frame = self.socket.recv(timeout=PATIENCE)
        assert isinstance(frame, str)
        return frame

    def frame(self) -> Any:
        """The next frame, parsed."""
        return json.loads(self.text())

    def ask(self, **message: Any) -> Any:
        """Send a message and give the frame that comes next."""
        self.socket.send(json.dumps(message))
        return self.frame()

    def session(self, **more: Any) -> Any:
        """The reply to a session request."""
        return self.ask(action="session", **more)

    def nothing_else(self) -> None:
        """Nothing has come before the answer to this."""
        mark = uuid.uuid4().hex
        assert self.ask(action="ping", id=mark) == {"type": "pong", "id": mark}


class Peers:
    """Connections that are closed when the test ends, and names that no other test uses."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open = ExitStack()

    def new(self) -> Peer:
        """One more."""
        return Peer(self._open.enter_context(connect(self._url, open_timeout=PATIENCE)))

    def some(self, count: int) -> list[Peer]:
        """So many more."""
        return [self.new() for _ in range(count)]

    def room(self) -> str:
        """A room nobody is in."""
        return f"room {uuid.uuid4().hex}"

    def close(self) -> None:
        """Close them all."""
        self._open.close()
