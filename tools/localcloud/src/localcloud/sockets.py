"""The WebSocket side of an API's port, from the upgrade request on.

The sans-I/O protocol of `websockets` parses it, which lets the 101 wait for `$connect`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localcloud.clock import Clock
    from localcloud.gateway.core import Gateway
    from localcloud.gateway.effects import Effect, Handshake, HttpResponse
    from localcloud.gateway.model import Limits
    from localcloud.gateway.settings import Settings
    from localcloud.http_server import HttpConnection

_EARLY_LIMIT = 64 * 1024  # what a client may send before its handshake is answered
_IN_FLIGHT_LIMIT = 64  # messages of one connection under way; beyond it we stop reading from it
_SLOW_LIMIT = 512 * 1024  # bytes that a client may leave unread before @connections has no room for more
_UNREAD_LIMIT = 4 * 1024 * 1024  # before it is cut off
_CLOSE_SECONDS = 10.0  # how long a client may take to answer our close frame


class Service(Protocol):
    """The server that connections belong to."""

    limits: Limits
    settings: Settings
    clock: Clock
    gateway: Gateway
    sockets: set[HttpConnection | WebSocketConnection]
    """Those that there are."""

    def run(self, effects: Iterable[Effect]) -> None:
        """Carry out what the gateway asks for."""

    def forbidden(self, headers: Mapping[str, str]) -> str | None:
        """Why whoever asks has no business here, if so; the headers' names are in lower case."""

    def handshake(self, connection: WebSocketConnection, handshake: Handshake) -> None:
        """An upgrade that waits for `accept` or `reject`."""

    def ended(self, connection: WebSocketConnection, code: int, reason: str) -> None:
        """The WebSocket is over, whether or not its socket is."""


class GatewayProtocol(ServerProtocol):
    """The WebSocket protocol with API Gateway's limits, and the reasons of its close frames."""

    def __init__(self, service: Service) -> None:
        limits, settings = service.limits, service.settings
        extensions = [ServerPerMessageDeflateFactory()] if settings.permessage_deflate else None
        super().__init__(max_size=(limits.message, limits.frame), extensions=extensions)
        self._reasons: dict[int, str] = {
            CloseCode.UNSUPPORTED_DATA: settings.reason_binary,
            CloseCode.MESSAGE_TOO_BIG: settings.reason_too_large,
        }

    def fail(self, code: int, reason: str = "") -> None:
        super().fail(code, self._reasons.get(code, reason))


class WebSocketConnection(asyncio.Protocol):
    """One TCP connection from its upgrade request on."""

    def __init__(
        self,
        service: Service,
        http: HttpConnection,
        websocket: ServerProtocol,
        response: Response,
        early: bytes,
    ) -> None:
        """`http` is what the upgrade request came by; `response` the 101, held back until `accept`; `early` what came
        behind the request."""
        self.connection_id = ""
        self._service = service
        self._http = http
        self._transport = http.transport
        self._websocket = websocket
        self._response = response
        self._early = bytearray(early)
        self._frames: deque[Frame] = deque()  # received, and not yet worked on
        self._fragments: list[bytes] = []
        self._in_flight = 0
        self._writable = True
        self._reading = True
        self._refused = False  # we have failed the connection over something it sent: the rest is not read
        self._over = False
        self._closing: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)
        self._transport.set_write_buffer_limits(high=_SLOW_LIMIT)
        service.sockets.remove(http)
        service.sockets.add(self)

    def data_received(self, data: bytes) -> None:
        if self._websocket.state is State.CONNECTING:
            # The handshake waits for `$connect`. Keep reading, or a client that leaves would go unnoticed.
            self._early += data
            if len(self._early) > _EARLY_LIMIT:
                self._transport.abort()
            return
        self._websocket.receive_data(data)
        self._frames.extend(event for event in self._websocket.events_received() if isinstance(event, Frame))
        self._work()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._websocket.receive_eof()
        if self._closing is not None:
            self._closing.cancel()
        self._service.sockets.discard(self)
        self._work()

    # The handshake's answer.

    def accept(self, subprotocol: str | None) -> None:
        """Send the 101 that was held back; no header but the subprotocol comes from `$connect`."""
        if self._transport.is_closing():
            return
        if subprotocol is not None:
            self._response.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._websocket.send_response(self._response)
        self._flush()
        early, self._early = bytes(self._early), bytearray()
        if early:
            self.data_received(early)

    def reject(self, response: HttpResponse) -> None:
        """Refuse the handshake."""
        self._over = True
        if not self._transport.is_closing():
            self._service.sockets.remove(self)
            self._service.sockets.add(self._http)
            self._transport.set_protocol(self._http)
            self._http.refuse(response)

    # What goes to the client.

    def send(self, data: str | bytes) -> None:
        """Send a text message, or a binary one."""
        if self._websocket.state is State.OPEN:
            # Without the protocol's queue of what is to be sent, in which nothing waits.
            if isinstance(data, str):
                frame = Frame(Opcode.TEXT, data.encode(errors="replace"))
            else:
                frame = Frame(Opcode.BINARY, data)
            self._transport.write(frame.serialize(mask=False, extensions=self._websocket.extensions))
            if self._transport.get_write_buffer_size() > _UNREAD_LIMIT:
                self._transport.abort()

    def close(self, code: int = 1001, reason: str = "Going away") -> None:
        """Send a close frame, and see to it that the socket ends even when the client does not answer."""
        self._over = True
        if self._websocket.state is State.OPEN:
            self._websocket.send_close(code, reason)
            self._flush()
            self._expect_end()
        else:
            self._transport.close()

    # How fast the client is read.

    def asked(self) -> None:
        """An integration works on something of this connection's."""
        self._in_flight += 1
        self._pace()

    def answered(self) -> None:
        """It is done with that."""
        self._in_flight -= 1
        self._work()
        self._pace()

    def pause_writing(self) -> None:
        """The client does not read: take no more from it until it does."""
        self._writable = False
        self._service.gateway.slow(self.connection_id, True)
        self._pace()

    def resume_writing(self) -> None:
        self._writable = True
        self._service.gateway.slow(self.connection_id, False)
        self._pace()

    def _pace(self) -> None:
        reading = self._writable and self._in_flight < _IN_FLIGHT_LIMIT
        if reading != self._reading and not self._transport.is_closing():
            self._reading = reading
            (self._transport.resume_reading if reading else self._transport.pause_reading)()

    # What comes from the client.

    def _work(self) -> None:
        """Work on what was received, as far as the limit allows; then, if that was all, see whether it is over."""
        service = self._service
        while self._frames and self._in_flight < _IN_FLIGHT_LIMIT:
            frame = self._frames.popleft()
            opcode = frame.opcode
            if opcode is Opcode.PING:
                service.gateway.pinged(self.connection_id, service.clock.now())
            elif self._refused:
                continue
            elif opcode is Opcode.BINARY:
                self._refuse(1003)
            elif opcode is Opcode.TEXT or opcode is Opcode.CONT:
                self._fragments.append(bytes(frame.data))
                if not frame.fin:
                    continue
                data, self._fragments = b"".join(self._fragments), []
                try:
                    text = data.decode()
                except UnicodeDecodeError:
                    self._refuse(1007)
                else:
                    service.run(service.gateway.receive(self.connection_id, text, service.clock.now()))
        if not self._frames and self._websocket.state is not State.OPEN:
            self._check_end()

    def _check_end(self) -> None:
        """Say that it is over, unless its handshake is under way."""
        if self._websocket.state is State.CONNECTING and not self._transport.is_closing():
            return
        if not self._over:
            self._over = True
            close = self._websocket.close_rcvd or self._websocket.close_sent
            self._service.ended(self, *((close.code, close.reason) if close is not None else (1006, "")))
        self._expect_end()

    def _refuse(self, code: int) -> None:
        self._refused = True
        self._frames.clear()
        self._websocket.fail(code)
        self._flush()

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()

    def _expect_end(self) -> None:
        if self._closing is None and not self._transport.is_closing():
            self._closing = asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)
