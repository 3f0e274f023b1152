"""Members on sockets, by picows: what it leaves to its user is done here."""

from __future__ import annotations

import asyncio
import os
import socket
import time

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

from compare.load.measures import Request
from compare.load.members import Group, Plain, Sessioned

#: What it is when picows returns no listener, and no error either: the server closed instead of answering.
HUNG_UP = "hung up during the handshake"

HANDSHAKE_SECONDS = 30  # API Gateway itself answers within 29
_BUFFER = 1024  # a connection's; picows' own 16 KiB are dear by the thousand
_LARGEST = 1024 * 1024  # bytes of a frame


class _Socket(WSListener):
    """A connection of a member."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._fragments: list[bytes] = []
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._code = "1006"

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.CLOSE:
            code = frame.get_payload_as_bytes()[:2]
            self._code = str(int.from_bytes(code, "big") or 1005)
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif kind in {WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION}:
            self._fragments.append(frame.get_payload_as_bytes())
            if frame.fin:  # picows hands on fragments as they come
                message, self._fragments = b"".join(self._fragments), []
                self._link.received(message)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' own signature
        if not self.gone.done():
            self.gone.set_result(self._code)


class Link:
    """A member and its connections, one after another."""

    def __init__(self, url: str, group: Group) -> None:
        self.member: Plain | Sessioned = group.enter()
        self._measures = group.measures
        self._url = url
        self._transport: WSTransport | None = None
        self._dropping = False
        self._tried = False

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._transport is not None

    @property
    def tried(self) -> bool:
        """Whether its first connection has been made, or refused."""
        return self._tried

    async def keep(self, due: float) -> None:
        """Be connected, from a moment on, until cancelled."""
        await asyncio.sleep(due - time.monotonic())
        while True:
            socket = await self._connect(due)
            self._tried = True
            if socket is not None:
                self.member.connected(time.monotonic())
                self.flush()
                code = await socket.gone
                if not (self._dropping or self.member.leaving(time.monotonic())):
                    self._measures.failed(f"closed {code}")
            self._transport = None
            wait = self.member.disconnected(time.monotonic())
            if isinstance(self.member, Sessioned) and self.member.over:
                return
            if socket is not None and self._dropping:
                wait = 0
            self._dropping = False
            await asyncio.sleep(wait)
            due = time.monotonic()

    async def _connect(self, due: float) -> _Socket | None:
        self._measures.counts["connects"] += 1
        now = time.monotonic()
        try:
            transport, listener = await ws_connect(
                lambda: _Socket(self),
                self._url,
                websocket_handshake_timeout=HANDSHAKE_SECONDS,
                max_frame_size=_LARGEST,
                max_redirects=0,
                read_buffer_init_size=_BUFFER,
            )
        except (OSError, WSError, TimeoutError) as error:
            self._measures.counts["refused"] += 1
            self._measures.failed(reason(error))
            return None
        if not isinstance(listener, _Socket):
            self._measures.counts["refused"] += 1
            self._measures.failed(HUNG_UP)
            return None
        self._transport = transport
        self._measures.counts["connected"] += 1
        self._measures.answered("connect", Request(due, now, serial=True), time.monotonic())
        return listener

    def turn(self, action: str, due: float) -> None:
        """Do what was due then."""
        now = time.monotonic()
        self._measures.counts["turns"] += 1
        self.member.turn(action, due, now)
        if action == "reconnect" and self._transport is not None:
            self._dropping = True
            self._transport.disconnect(False)

    def received(self, message: bytes) -> None:
        """A message has come."""
        self.member.received(message, time.monotonic())
        self.flush()

    def tick(self, now: float) -> None:
        """Do what is due."""
        if not self.member.tick(now) and self._transport is not None:
            self._transport.disconnect(False)
        self.flush()

    def flush(self) -> None:
        """Send what is to be sent."""
        if self._transport is not None:
            for frame in self.member.frames():
                self._transport.send(WSMsgType.TEXT, frame if isinstance(frame, bytes) else frame.encode())

    def close(self) -> None:
        """Say goodbye."""
        if self._transport is not None:
            self._dropping = True
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()


def reason(error: BaseException) -> str:
    """What a connect failed of, in a few words that are the same each time."""
    if isinstance(error, WSHandshakeError) and (response := error.response) is not None:
        return f"refused with HTTP {int(response.status)}"
    if isinstance(error, TimeoutError):
        return "handshake timed out"
    if isinstance(error, OSError) and error.errno is not None:
        known = error.errno > 0 and not isinstance(error, socket.gaierror)  # asyncio's own texts name the address
        return f"connect: {(os.strerror(error.errno) if known else str(error.strerror)).lower()}"
    if isinstance(error, WSError):
        return "not a WebSocket handshake"
    return f"connect: {type(error).__name__}"
