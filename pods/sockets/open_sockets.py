"""The sockets that a pod holds."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING

from picows import WSCloseCode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence

    from pods.sockets.socket import Socket

#: Sends in one turn of the event loop: some milliseconds.
SLICE = 500


class OpenSockets(dict[str, "Socket"]):
    """Every open socket by its connection id; the event loop owns them. `pod` is the name of this pod."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop
        #: Part of every connection id: a pod that starts again is another one.
        self.pod = secrets.token_hex(6)

    def deliver(self, connection_ids: Sequence[str], frame: bytes, start: int = 0) -> None:
        """Send a frame to those that are still there, a slice in each turn of the event loop."""
        for connection_id in connection_ids[start : start + SLICE]:
            socket = self.get(connection_id)
            if socket is not None:
                socket.send(frame)
        if start + SLICE < len(connection_ids):
            self.loop.call_soon(self.deliver, connection_ids, frame, start + SLICE)

    def dismiss(self, connection_id: str) -> None:
        """Close a connection whose session is another one's now."""
        socket = self.get(connection_id)
        if socket is not None:
            socket.close(WSCloseCode.OK, "", "backend")

    def slices(self, seconds: float) -> Iterator[list[Socket]]:
        """All sockets in random order, in as many parts as there are tenths of seconds."""
        sockets = list(self.values())
        random.shuffle(sockets)
        size = max(1, -(-len(sockets) // max(1, round(seconds * 10))))
        for start in range(0, len(sockets), size):
            yield sockets[start : start + size]
