"""One socket: frames to messages, messages to the backend in their order, and every way it can end.

The event loop owns every socket. Threads call AWS, one message of a connection at a time, and hand over what is to be
sent by `call_soon_threadsafe`, so that it goes out in the order in which the backend said it.
"""

from __future__ import annotations

import random
import secrets
import time
from collections import deque
from typing import TYPE_CHECKING

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from backend.log import about
from backend.records import Connection

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence

    from backend.application import Application
    from backend.router import ParsedMessage
    from pods.sockets.limits import Limits
    from pods.sockets.metrics import SocketMetrics
    from pods.sockets.threads import Threads

#: Sends in one turn of the event loop: some milliseconds.
SLICE = 500

_TEXT, _CONTINUATION, _CLOSE = WSMsgType.TEXT, WSMsgType.CONTINUATION, WSMsgType.CLOSE
# https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1, and those registered since
_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
_PING, _PONG, _BINARY = WSMsgType.PING, WSMsgType.PONG, WSMsgType.BINARY


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


class Hub:
    """What all sockets of a pod share."""

    def __init__(
        self,
        limits: Limits,
        metrics: SocketMetrics,
        sockets: OpenSockets,
        threads: Threads,
        application: Application,
    ) -> None:
        self.loop = sockets.loop
        self.limits = limits
        self.metrics = metrics
        self.sockets = sockets
        self.threads = threads
        self.router = application.router
        self.lifecycle = application.lifecycle
        self.sessions = application.sessions

    def new_connection(self, principal: str | None) -> Connection:
        """The identity of a socket that opens."""
        return Connection(f"{self.sockets.pod}.{secrets.token_urlsafe(12)}", time.time(), principal)


class Socket(WSListener):
    """A connection and what it is waiting for.

    Messages that need the store are answered one after another, as they came; what comes meanwhile waits.
    """

    __slots__ = (
        "_controls",
        "_fragments",
        "_hub",
        "_second",
        "_slow",
        "_timer",
        "_transport",
        "busy",
        "closing",
        "connection",
        "ended",
        "ended_by",
        "heard",
        "leaving",
        "pinged",
        "seen",
        "waiting",
    )

    def __init__(self, hub: Hub, connection: Connection) -> None:
        self._hub = hub
        self.connection = connection
        self._transport: WSTransport | None = None
        self._fragments: bytearray | None = None
        self._controls = 0
        self._second = 0
        self._timer: asyncio.TimerHandle | None = None
        self._slow: asyncio.TimerHandle | None = None
        self.heard = False  # since the hub looked last, which notes when that was
        self.seen = 0.0
        self.pinged = False
        self.busy = False  # a thread works for it
        self.closing = False  # a close frame has gone out, or come in
        self.ended = False
        self.leaving = ""  # why it is closed as soon as nothing waits
        self.waiting: deque[ParsedMessage] | None = None
        self.ended_by = "client"

    # --- picows calls these ------------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        transport.request.headers = None  # type: ignore[assignment]  # a kilobyte that nobody asks for again
        transport.underlying_transport.set_write_buffer_limits(high=self._hub.limits.high_water_bytes)
        self.seen = self._hub.loop.time()
        self._hub.sockets[self.connection.id] = self
        self._hub.metrics.active += 1
        self.busy = True  # until it has its session; what it asks for meanwhile waits
        self._hub.threads.submit(self._begin)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame has come. What RFC 6455 does not allow closes the connection with the code that it names."""
        self.heard = True
        kind = frame.msg_type
        if self.closing:
            if kind is _CLOSE:
                transport.disconnect()
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(WSCloseCode.PROTOCOL_ERROR, "reserved bits", "protocol")
        elif kind is _TEXT and frame.fin and self._fragments is None:
            try:
                text = frame.get_payload_as_utf8_text()
            except UnicodeDecodeError:
                self.close(WSCloseCode.INVALID_TEXT, "not UTF-8", "protocol")
            else:
                self._message(text)
        elif kind is _CLOSE:
            self._answer_close(transport, frame)
        else:
            self._other(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        """The transport has ended, whoever wanted it."""
        self.closing = self.ended = True
        for timer in (self._timer, self._slow):
            if timer is not None:
                timer.cancel()
        self._timer = self._slow = self._fragments = None
        self._hub.metrics.active -= 1
        self._hub.metrics.ended[self.ended_by] += 1
        self._hub.sockets.pop(self.connection.id, None)
        if not self.busy:
            self._finish()

    def pause_writing(self) -> None:
        """More waits to be read than ought to: the client has some seconds."""
        if self._slow is None:
            self._slow = self._hub.loop.call_later(self._hub.limits.slow_seconds, self.abort, "slow")

    def resume_writing(self) -> None:
        """It reads again."""
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    # --- what comes in -----------------------------------------------------------------------------------------------

    def _other(self, transport: WSTransport, frame: WSFrame) -> None:
        """A control frame, or part of a message."""
        kind = frame.msg_type
        if not self._may_send_one_more():
            self.close(WSCloseCode.POLICY_VIOLATION, "too many frames", "rate")
        elif kind is _PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self._check_unsent()
        elif kind is _BINARY:
            self.close(WSCloseCode.UNSUPPORTED_DATA, "binary frames are not supported", "protocol")
        elif kind is not _PONG:
            self._fragment(frame)

    def _fragment(self, frame: WSFrame) -> None:
        """Part of a message."""
        fragments = self._fragments
        if (fragments is None) != (frame.msg_type is _TEXT):
            self.close(WSCloseCode.PROTOCOL_ERROR, "fragments out of order", "protocol")
            return
        if fragments is None:
            fragments = self._fragments = bytearray()
        fragments += frame.get_payload_as_memoryview()
        if len(fragments) > self._hub.limits.max_message_bytes:
            self._fragments = None
            self.close(WSCloseCode.MESSAGE_TOO_BIG, "message too big", "protocol")
        elif frame.fin:
            self._fragments = None
            try:
                text = fragments.decode()
            except UnicodeDecodeError:
                self.close(WSCloseCode.INVALID_TEXT, "not UTF-8", "protocol")
            else:
                self._message(text)

    def _message(self, text: str) -> None:
        """A whole message. An answer that needs no thread and waits for nothing goes out at once."""
        hub = self._hub
        hub.metrics.received += 1
        now = time.time()
        message = hub.router.parse(self.connection, text, now)
        if not self.busy:
            self._take(message, now)
        else:
            if self.waiting is None:
                self.waiting = deque()
            self.waiting.append(message)
            # picows may have further frames in its buffer; those wait too, and their bytes are bounded by it.
            if len(self.waiting) >= hub.limits.max_waiting and self._transport is not None:
                self._transport.underlying_transport.pause_reading()

    def answered(self, reply: str | None) -> None:
        """A thread has done what it was given; on with what waits."""
        self.busy = False
        if reply is not None:
            self.send(reply)
        if self.waiting is not None:
            self._go_on(self.waiting)
        if self.busy:
            return
        if self.ended:
            self._finish()
        elif self.leaving:
            self.leave(self.leaving)

    def _go_on(self, waiting: deque[ParsedMessage]) -> None:
        """Answer what waits, up to what needs a thread again. Who is being closed gets no more answers."""
        while waiting and not self.busy and not self.closing:
            self._take(waiting.popleft(), time.time())
        if not self.busy:
            self.waiting = None
            if self._transport is not None and not self.ended:
                self._transport.underlying_transport.resume_reading()

    def _take(self, message: ParsedMessage, now: float) -> None:
        if message.immediate:
            reply = self._hub.router.answer(self.connection, message, now)
            if reply is not None:
                self.send(reply)
        else:
            self.busy = True
            self._hub.threads.submit(self._answer, message)

    def _may_send_one_more(self) -> bool:
        second = int(self._hub.loop.time())
        if second != self._second:
            self._second, self._controls = second, 0
        self._controls += 1
        return self._controls <= self._hub.limits.max_controls

    # --- what threads do ---------------------------------------------------------------------------------------------

    def keep_session(self) -> None:
        """Touch the session, on the event loop: a client that answers pings is there."""
        self.busy = True
        self._hub.threads.submit(self._touch)

    def _begin(self) -> None:
        begun = self._hub.lifecycle.connect(self.connection, time.time())
        self._hub.loop.call_soon_threadsafe(self._begun, begun)

    def _begun(self, begun: bool) -> None:
        if not begun:
            self.close(WSCloseCode.TRY_AGAIN_LATER, "try again in a moment", "unavailable")
        self.answered(None)

    def _answer(self, message: ParsedMessage) -> None:
        reply = self._hub.router.answer(self.connection, message, time.time())
        self._hub.loop.call_soon_threadsafe(self.answered, reply)

    def _touch(self) -> None:
        try:
            with about(self._hub.sessions.origin(self.connection, "touch")):
                self._hub.sessions.touch(self.connection, time.time())
        finally:
            self._hub.loop.call_soon_threadsafe(self.answered, None)

    def _finish(self) -> None:
        """Let go of the session, once no thread works for the socket."""
        self._hub.threads.submit(self._hub.lifecycle.disconnect, self.connection, time.time())

    # --- what goes out -----------------------------------------------------------------------------------------------

    @property
    def unsent(self) -> int:
        """Bytes that the client has not read yet, beyond what the kernel holds."""
        return self._transport.underlying_transport.get_write_buffer_size() if self._transport is not None else 0

    def send(self, text: str | bytes) -> None:
        """Send a text frame. A client that does not read loses its connection, not the pod its memory."""
        transport = self._transport
        if self.closing or transport is None:
            return
        transport.send(_TEXT, text)
        self._hub.metrics.sent += 1
        if self._slow is not None:
            self._check_unsent()

    def _check_unsent(self) -> None:
        if self.unsent > self._hub.limits.max_unsent_bytes:
            self.abort("slow")

    def ping(self) -> None:
        """Ask a silent client for a sign of life."""
        self.pinged = True
        if self._transport is not None and not self.closing:
            self._transport.send_ping()

    # --- how it ends -------------------------------------------------------------------------------------------------

    def leave(self, ended_by: str = "drained") -> None:
        """Close with 1001 as soon as what it asked for is answered."""
        self.leaving = ended_by
        if not self.busy:
            self.close(WSCloseCode.GOING_AWAY, "reconnect", ended_by)

    def close(self, code: WSCloseCode, reason: str, ended_by: str) -> None:
        """Send a close frame, and end when the client's has come, or its time is over."""
        if self.closing or self._transport is None:
            return
        self.closing, self.ended_by = True, ended_by
        self._transport.send_close(code, reason)
        self._timer = self._hub.loop.call_later(self._hub.limits.close_seconds, self.abort, ended_by)

    def _answer_close(self, transport: WSTransport, frame: WSFrame) -> None:
        code = int.from_bytes(frame.get_payload_as_bytes()[:2])
        if code and code not in _CODES and not 3000 <= code < 5000:  # picows takes those that only an API may use
            self.close(WSCloseCode.PROTOCOL_ERROR, "invalid close code", "protocol")
            return
        self.closing = True
        transport.send_close(code or 1000)  # type: ignore[arg-type]  # a number is as good
        transport.disconnect()
        self._timer = self._hub.loop.call_later(self._hub.limits.close_seconds, self.abort, "client")

    def abort(self, ended_by: str) -> None:
        """End at once, without a word."""
        if self._transport is not None and not self._transport.is_disconnected:
            self.ended_by = ended_by
            self._transport.underlying_transport.abort()
