"""The sockets of one WebSocket API: HTTP and WebSocket on one loopback port, around the gateway's core.

Handshakes and @connections calls are parsed by httptools, WebSockets by the sans-I/O protocol of `websockets`, which
lets the 101 wait for `$connect`.
"""

from __future__ import annotations

import asyncio
import base64
import os
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import httptools
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from local.gateway.core import Gateway
from local.gateway.effects import Accept, Close, Effect, Failed, HttpResponse, Invoke, Outcome, Reject, Send
from local.gateway.events import Handshake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.clock import Clock
    from local.functions.function import Function
    from local.gateway.model import Api
    from local.metrics import Metrics

_HEAD_LIMIT = 32 * 1024  # request line and headers; API Gateway's own quota is about 10 KB
_EARLY_LIMIT = 64 * 1024  # what a client may send before its handshake is answered
_IN_FLIGHT_LIMIT = 64  # messages of one connection under way; beyond it we stop reading from it
_UNREAD_LIMIT = 4 * 1024 * 1024  # bytes that a client may leave unread before it is cut off
_SWEEP_SECONDS = 0.05  # however fast the clock runs
_CLOSE_SECONDS = 10.0  # how long a client may take to answer our close frame


def new_id() -> str:
    """An identifier as API Gateway makes them: sixteen characters, the base64 of eleven bytes."""
    return base64.urlsafe_b64encode(os.urandom(11)).decode()


class Server:
    """Runs one API: a port, its gateway, and the functions its routes lead to (by ARN)."""

    def __init__(self, api: Api, functions: Mapping[str, Function], clock: Clock, metrics: Metrics) -> None:
        self.api = api
        self.gateway = Gateway(api, new_id, self._measure)
        self.clock = clock
        self._functions = functions
        self._metrics = metrics
        self._peers: dict[str, Peer] = {}
        self._everyone: set[Peer] = set()

    async def listen(self, port: int) -> int:
        """Listen on the loopback interface; gives the port. OSError when it is busy."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Peer(self), "127.0.0.1", port, backlog=1024)
        self._sweeper = loop.create_task(self._sweep())
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection with 1001 and stop listening."""
        self._sweeper.cancel()
        self._listener.close()
        for peer in list(self._everyone):
            peer.leave()
        await asyncio.sleep(0)  # lets the close frames out

    # What peers report.

    def joined(self, peer: Peer) -> None:
        self._everyone.add(peer)

    def left(self, peer: Peer, code: int, reason: str) -> None:
        self._everyone.discard(peer)
        if peer.connection_id is not None and self._peers.pop(peer.connection_id, None) is not None:
            self.run(self.gateway.closed(peer.connection_id, code, reason, self.clock.now()))

    def handshake(self, peer: Peer, handshake: Handshake) -> None:
        connection_id, effects = self.gateway.handshake(handshake, self.clock.now())
        peer.connection_id = connection_id
        self._peers[connection_id] = peer
        self.run(effects)

    def message(self, connection_id: str, text: str) -> None:
        self.run(self.gateway.receive(connection_id, text, self.clock.now()))

    def http(self, method: str, path: str, body: bytes) -> HttpResponse:
        response, effects = self.gateway.http(method, path, body, self.clock.now())
        self.run(effects)
        return response

    def _measure(self, name: str, value: float, route: str | None) -> None:
        """API Gateway's metrics by API, by stage, and by route where the stage asks for it.

        Source: "Monitor WebSocket API execution with CloudWatch metrics", Amazon API Gateway Developer Guide.
        """
        unit = "Milliseconds" if name == "IntegrationLatency" else "Count"
        by_api = (("ApiId", self.api.id),)
        by_stage = (*by_api, ("Stage", self.api.stage))
        self._metrics.add("AWS/ApiGateway", name, unit, by_api, value)
        self._metrics.add("AWS/ApiGateway", name, unit, by_stage, value)
        if self.api.detailed_metrics and route is not None:
            self._metrics.add(
                "AWS/ApiGateway", name, unit, (("ApiId", self.api.id), ("Route", route), by_stage[1]), value
            )

    # What the core asks for.

    def run(self, effects: Iterable[Effect]) -> None:
        """Carry out effects in order."""
        for effect in effects:
            if isinstance(effect, Invoke):
                self._invoke(effect)
                continue
            peer = self._peers.get(effect.connection_id)
            if peer is None:
                continue
            match effect:
                case Send(_, text):
                    peer.send(text)
                case Accept(_, subprotocol):
                    peer.accept(subprotocol)
                case Reject(_, status, body):
                    del self._peers[effect.connection_id]
                    peer.reject(HttpResponse(status, body.encode(), (("Content-Type", "application/json"),)))
                case Close(_, code, reason):
                    del self._peers[effect.connection_id]
                    peer.close(code, reason)

    def _invoke(self, call: Invoke) -> None:
        function = self._functions.get(call.function_arn)
        if function is None:
            self._complete(call, Failed.NOT_INVOKED)
            return
        if peer := self._peers.get(call.connection_id):
            peer.asked()
        timer = self.clock.call_later(call.timeout, self._complete, call, Failed.TIMED_OUT)

        def done(outcome: asyncio.Future[Outcome]) -> None:
            timer.cancel()
            if peer:
                peer.answered()
            if not outcome.cancelled():
                self._complete(call, outcome.result())

        function.invoke(call.payload).add_done_callback(done)

    def _complete(self, call: Invoke, outcome: Outcome) -> None:
        self.run(self.gateway.completed(call.call_id, outcome, self.clock.now()))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(max(1 / self.clock.scale, _SWEEP_SECONDS))
            self.run(self.gateway.expire(self.clock.now()))


class Peer(asyncio.Protocol):
    """One TCP connection: HTTP until it is upgraded, a WebSocket afterwards."""

    def __init__(self, server: Server) -> None:
        self.connection_id: str | None = None
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._head_size = 0
        self._head_done = False
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()
        self._websocket: ServerProtocol | None = None
        self._accepted: Response | None = None
        self._early = bytearray()
        self._fragments: list[bytes] = []
        self._in_flight = 0
        self._writable = True
        self._reading = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        code, reason = 1006, ""
        if self._websocket is not None:
            self._websocket.receive_eof()
            received = self._websocket.close_rcvd
            if received is not None:
                code, reason = received.code, received.reason
            elif self._websocket.close_sent is not None:
                code, reason = self._websocket.close_sent.code, self._websocket.close_sent.reason
        self._server.left(self, code, reason)

    def data_received(self, data: bytes) -> None:
        if self._websocket is None:
            self._feed_http(data)
        elif self._websocket.state is State.CONNECTING:
            # The handshake waits for `$connect`. Keep reading, or a client that leaves would go unnoticed.
            self._early += data
            if len(self._early) > _EARLY_LIMIT:
                self._transport.abort()
        else:
            self._feed_websocket(data)

    # HTTP: handshakes and @connections.

    def _feed_http(self, data: bytes) -> None:
        if not self._head_done:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._reply(HttpResponse(400), keep_alive=False)
        else:
            if self._head_size > _HEAD_LIMIT and not self._head_done:
                self._reply(HttpResponse(431), keep_alive=False)

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", [], bytearray()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))
        if name.lower() == b"expect" and value.lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        self._head_done = True

    def on_body(self, body: bytes) -> None:
        if len(self._body) <= self._server.api.limits.message:
            self._body += body  # one byte past the limit is enough for the core to refuse it

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return
        self._head_done, self._head_size = False, 0
        path = urlsplit(self._url.decode("latin-1")).path
        response = self._server.http(self._parser.get_method().decode(), path, bytes(self._body))
        self._reply(response, keep_alive=self._parser.should_keep_alive())

    def _reply(self, response: HttpResponse, *, keep_alive: bool) -> None:
        headers = [*response.headers, ("Content-Length", str(len(response.body)))]
        if not keep_alive:
            headers.append(("Connection", "close"))
        lines = [
            f"HTTP/1.1 {response.status} {_phrase(response.status)}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + response.body)
        if not keep_alive:
            self._transport.close()

    # The handshake.

    def _upgrade(self, rest: bytes) -> None:
        url = urlsplit(self._url.decode("latin-1"))
        refusal = self._server.gateway.refuse(url.path)
        if refusal is not None:
            self._reply(refusal, keep_alive=False)
            return
        limits = self._server.api.limits
        websocket = ServerProtocol(max_size=(limits.message, limits.frame))
        head = [f"GET {self._url.decode('latin-1')} HTTP/1.1", *(f"{name}: {value}" for name, value in self._headers)]
        websocket.receive_data("\r\n".join([*head, "", ""]).encode("latin-1"))
        request = next((event for event in websocket.events_received() if isinstance(event, Request)), None)
        if request is None:
            self._reply(HttpResponse(400), keep_alive=False)
            return
        response = websocket.accept(request)
        if response.status_code != 101:
            websocket.send_response(response)
            self._flush(websocket)
            self._transport.close()
            return
        self._websocket, self._accepted = websocket, response
        self._early += rest
        source_ip = str(self._transport.get_extra_info("peername")[0])
        self._server.handshake(self, Handshake(url.path, url.query, tuple(self._headers), source_ip))

    def accept(self, subprotocol: str | None) -> None:
        """Send the 101 that was held back; no header but the subprotocol comes from `$connect`."""
        if self._websocket is None or self._accepted is None:
            return
        if subprotocol is not None:
            self._accepted.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._websocket.send_response(self._accepted)
        self._flush(self._websocket)
        if self._early:
            early, self._early = bytes(self._early), bytearray()
            self._feed_websocket(early)

    def reject(self, response: HttpResponse) -> None:
        """Refuse the handshake."""
        self._reply(response, keep_alive=False)

    # The WebSocket.

    def send(self, text: str) -> None:
        """Send a text message."""
        websocket = self._websocket
        if websocket is not None and websocket.state is State.OPEN:
            websocket.send_text(text.encode())
            self._flush(websocket)
            if self._transport.get_write_buffer_size() > _UNREAD_LIMIT:
                self._transport.abort()

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, and see to it that the socket ends even when the client does not answer."""
        websocket = self._websocket
        if websocket is None or websocket.state is not State.OPEN:
            self._transport.close()
            return
        websocket.send_close(code, reason)
        self._flush(websocket)
        asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)

    def leave(self) -> None:
        """The server stops: say so, and do not wait for an answer."""
        if self._websocket is not None and self._websocket.state is State.OPEN:
            self._websocket.send_close(1001, "Going away")
            self._flush(self._websocket)
        self._transport.close()

    def asked(self) -> None:
        """An integration works on something of this connection's."""
        self._in_flight += 1
        self._pace()

    def answered(self) -> None:
        """It is done with that."""
        self._in_flight -= 1
        self._pace()

    def pause_writing(self) -> None:
        """The client does not read: take no more from it until it does."""
        self._writable = False
        self._pace()

    def resume_writing(self) -> None:
        self._writable = True
        self._pace()

    def _pace(self) -> None:
        reading = self._writable and self._in_flight < _IN_FLIGHT_LIMIT
        if reading != self._reading and not self._transport.is_closing():
            self._reading = reading
            (self._transport.resume_reading if reading else self._transport.pause_reading)()

    def _feed_websocket(self, data: bytes) -> None:
        websocket = self._websocket
        assert websocket is not None  # noqa: S101 - only fed when there is one
        websocket.receive_data(data)
        for event in websocket.events_received():
            if isinstance(event, Frame):
                self._frame(websocket, event)
        self._flush(websocket)
        if websocket.close_expected():
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)

    def _frame(self, websocket: ServerProtocol, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            websocket.fail(1003)
        elif frame.opcode in {Opcode.TEXT, Opcode.CONT} and websocket.state is State.OPEN:
            self._fragments.append(bytes(frame.data))
            if not frame.fin:
                return
            data, self._fragments = b"".join(self._fragments), []
            try:
                text = data.decode()
            except UnicodeDecodeError:
                websocket.fail(1007)
                return
            if self.connection_id is not None:
                self._server.message(self.connection_id, text)

    def _flush(self, websocket: ServerProtocol) -> None:
        for data in websocket.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "-"
