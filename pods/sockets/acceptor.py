"""Takes connections from the kernel, as long as descriptors are left."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

# The protocol class behind picows' own `ws_create_server`, which gives no place to count what is not upgraded yet. Its
# constructor is no documented interface: the version is pinned exactly.
from picows import WSAutoPingStrategy
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from pods.listening import BACKLOG, listen
from pods.sockets.handshake import Handshakes
from pods.sockets.limits import HANDSHAKES

if TYPE_CHECKING:
    from pods.sockets.socket import Hub

_READ_BUFFER = 1024  # the least that picows takes: it doubles this when it has to, and never gives it back


class _Silent:
    """picows keeps a logger for each connection, and tells about every one: a kilobyte, and lines nobody reads."""

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the name of logging.Logger's
        return False

    def log(self, *_arguments: Any, **_more: Any) -> None:
        return None

    debug = info = warning = error = exception = log


_SILENT = _Silent()


class _Protocol(WSProtocol):  # type: ignore[misc]
    """Counts itself from the kernel's handing over to the end of its transport."""

    __slots__ = ("_acceptor",)

    def __init__(self, acceptor: Acceptor) -> None:
        self._acceptor = acceptor
        limits = acceptor.hub.limits
        super().__init__(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=acceptor.handshakes,
            logger=_SILENT,
            disconnect_on_exception=True,
            websocket_handshake_timeout=limits.handshake_seconds,
            enable_auto_ping=False,
            auto_ping_idle_timeout=0,
            auto_ping_reply_timeout=0,
            auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=False,
            max_frame_size=limits.max_frame_bytes,
            extra_headers=None,
            read_buffer_init_size=_READ_BUFFER,
        )

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Refuse, without a word, what would leave no descriptor for the others."""
        self._acceptor.open += 1
        super().connection_made(transport)
        if self._acceptor.open > self._acceptor.most:
            self._acceptor.hub.metrics.refused["descriptors"] += 1
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Its descriptor is free."""
        self._acceptor.open -= 1
        super().connection_lost(error)


class Acceptor:
    """The listening socket. `open` counts every connection, upgraded or not."""

    def __init__(self, hub: Hub, handshakes: Handshakes) -> None:
        self.hub = hub
        self.handshakes = handshakes
        self.open = 0
        self.most = hub.limits.max_connections + HANDSHAKES
        self._servers: list[asyncio.Server] = []

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; the port. With `tls` a connection counts once its TLS handshake is over, which has as much time as
        the WebSocket's."""
        listeners = listen(host, port)
        for listener in listeners:
            server = await self.hub.loop.create_server(
                lambda: _Protocol(self),
                sock=listener,
                backlog=BACKLOG,
                ssl=tls,
                ssl_handshake_timeout=self.hub.limits.handshake_seconds if tls is not None else None,
            )
            self._servers.append(server)
        return int(listeners[0].getsockname()[1])

    def stop(self) -> None:
        """Listen no more."""
        for server in self._servers:
            server.close()
