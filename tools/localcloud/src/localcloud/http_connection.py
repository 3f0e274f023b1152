"""The HTTP side of an API's port: handshakes and @connections calls, parsed by httptools."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast
from urllib.parse import SplitResult, urlsplit

import httptools
from websockets.http11 import Request

from localcloud.gateway.effects import Handshake, HttpResponse
from localcloud.lingering import Lingering, write_response
from localcloud.sockets import GatewayProtocol, WebSocketConnection

if TYPE_CHECKING:
    from localcloud.sockets import Service

_HEAD_LIMIT = 32 * 1024  # request line and headers; API Gateway's own quota is about 10 KB
_URL_LIMIT = 4096  # API Gateway's quota, query included


class HttpConnection(asyncio.Protocol):
    """One TCP connection, as long as it speaks HTTP."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._parser = httptools.HttpRequestParser(self)
        self._head_size = 0
        self._head_done = False
        self._over = False  # the last response is written
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # A client that has already gone has no address any more.
        self._source_ip = str((transport.get_extra_info("peername") or ("127.0.0.1",))[0])
        self._service.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._service.left(self)

    def data_received(self, data: bytes) -> None:
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

    def pause_writing(self) -> None:
        """The client asks and does not read: hear no more from it until it does."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def close(self) -> None:
        """The server stops."""
        self._transport.close()

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", [], bytearray()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:
            return  # a trailer, which nobody reads
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))
        if name.lower() == b"expect" and value.lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        self._head_done = True

    def on_body(self, body: bytes) -> None:
        if len(self._body) <= self._service.limits.message:
            self._body += body  # one byte past the limit is enough to refuse it

    def on_message_complete(self) -> None:
        if self._over or self._parser.should_upgrade():
            return
        self._head_done, self._head_size = False, 0
        url = self._admitted_url()
        if url is not None:
            method = self._parser.get_method().decode()
            response = self._service.http(method, url.path, url.query, self._headers, bytes(self._body))
            self._reply(response, keep_alive=self._parser.should_keep_alive())

    def _admitted_url(self) -> SplitResult | None:
        """The request's URL; None when the request was refused."""
        if (reason := self._service.forbidden(self._headers)) is not None:
            self._reply(HttpResponse(403, f"Forbidden: {reason}\n".encode()), keep_alive=False)
            return None
        if len(self._url) > _URL_LIMIT:
            self._reply(HttpResponse(414), keep_alive=False)
            return None
        try:
            return urlsplit(self._url.decode("latin-1"))
        except ValueError:  # "//[x"
            self._reply(HttpResponse(400), keep_alive=False)
            return None

    def _reply(self, response: HttpResponse, *, keep_alive: bool) -> None:
        if self._over or self._transport.is_closing():
            return
        if keep_alive:
            write_response(self._transport, response, keep_alive=True)
            return
        self._over = True
        self._service.left(self)
        Lingering(self._service, self._transport, response)

    def _upgrade(self, rest: bytes) -> None:
        url = self._admitted_url()
        if url is None:
            return
        method = self._parser.get_method().decode()
        if method != "GET":
            self._reply(self._service.http(method, url.path, url.query, self._headers, b""), keep_alive=False)
            return
        if (refusal := self._service.refuse(url.path, self._headers)) is not None:
            self._reply(refusal, keep_alive=False)
            return
        websocket = GatewayProtocol(self._service)
        # It sees the headers that make a handshake, and no others: it has limits of its own on their number and length.
        shown = [
            f"{name}: {value}"
            for name, value in self._headers
            if name.lower() in {"host", "connection", "upgrade"} or name.lower().startswith("sec-websocket-")
        ]
        websocket.receive_data("\r\n".join(["GET / HTTP/1.1", *shown, "", ""]).encode("latin-1"))
        request = next((event for event in websocket.events_received() if isinstance(event, Request)), None)
        if request is None:
            self._reply(HttpResponse(400), keep_alive=False)
            return
        response = websocket.accept(request)
        if response.status_code != 101:
            self._reply(HttpResponse(response.status_code, bytes(response.body or b"")), keep_alive=False)
            return
        self._service.left(self)
        connection = WebSocketConnection(self._service, self._transport, websocket, response, rest)
        self._transport.set_protocol(connection)
        self._service.handshake(connection, Handshake(url.path, url.query, tuple(self._headers), self._source_ip))
