"""A port of the loopback interface on which many may connect at once, however busy the event loop is."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Connections that may wait to be accepted.
BACKLOG = 1024

#: Connections accepted in one turn of the event loop. libuv, on which uvloop runs, accepts one for each descriptor and
#: turn (https://github.com/libuv/libuv/pull/3696), and a turn in which all clients have something to say takes long:
#: newcomers would wait for seconds. So one socket is served through several descriptors. Each but the first costs a
#: connection that comes alone some 5 us, to find out that there is no other.
ACCEPTS = 8


class Listener:
    """Takes the port, 0 for any, as soon as it is made. Raises OSError when it is busy.

    Linux gives a port to two that do not listen yet: the second one to listen gets the OSError.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._servers: list[asyncio.Server] = []
        try:
            # A port whose last connections are in TIME_WAIT is free.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Let connections wait until they are served, which are refused before. Raises OSError."""
        self._socket.listen(BACKLOG)

    async def serve(self, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        """Accept connections, on the running loop. Raises OSError."""
        self.listen()  # an error of which uvloop keeps to itself
        loop = asyncio.get_running_loop()
        for _ in range(ACCEPTS):
            self._servers.append(await loop.create_server(protocol, sock=self._socket.dup(), backlog=BACKLOG))

    def close(self) -> None:
        """Accept no more. Connections that there are stay."""
        for server in self._servers:
            server.close()
        self._socket.close()
