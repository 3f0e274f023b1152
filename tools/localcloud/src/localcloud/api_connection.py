"""The HTTP side of an API's port: handshakes and @connections calls."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from websockets.http11 import Request as HandshakeRequest

from localcloud.gateway.effects import Handshake, HttpResponse
from localcloud.http_server import HttpConnection, refused
from localcloud.sockets import GatewayProtocol, WebSocketConnection

if TYPE_CHECKING:
    import asyncio

    from localcloud.http_server import Request
    from localcloud.sockets import Service

_URL_LIMIT = 4096  # API Gateway's quota, query included


class ApiConnection(HttpConnection):
    """One TCP connection, as long as it speaks HTTP."""

    head_limit = 32 * 1024  # API Gateway's own quota is about 10 KB

    def __init__(self, service: Service) -> None:
        super().__init__(self._answer)
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # A client that has already gone has no address any more.
        self._source_ip = str((transport.get_extra_info("peername") or ("127.0.0.1",))[0])
        self._service.sockets.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._service.sockets.discard(self)

    def on_body(self, body: bytes) -> None:
        """One byte past the limit is enough for the gateway to refuse a message."""
        room = self._service.limits.message + 1 - self._body_size
        super().on_body(body[: max(room, 0)])

    def refusal(self, request: Request) -> HttpResponse | None:
        if (reason := self._service.forbidden(request.headers)) is not None:
            return refused(HTTPStatus.FORBIDDEN, reason)
        if len(request.target) > _URL_LIMIT:
            return refused(HTTPStatus.REQUEST_URI_TOO_LONG)
        try:
            urlsplit(request.target)
        except ValueError:  # "//[x"
            return refused(HTTPStatus.BAD_REQUEST)
        return None

    def _answer(self, request: Request) -> HttpResponse:
        service, url = self._service, urlsplit(request.target)
        response, effects = service.gateway.http(
            request.method, url.path, request.body, service.clock.now(), request.pairs, url.query
        )
        service.run(effects)
        return response

    def upgrade(self, request: Request, rest: bytes) -> bool:
        if request.method != "GET":
            self.refuse(self._answer(request))
            return True
        url, headers = urlsplit(request.target), request.pairs
        host = next((value for name, value in headers if name.lower() == "host"), "")
        if (refusal := self._service.gateway.refuse(url.path, host)) is not None:
            self.refuse(refusal)
            return True
        websocket = GatewayProtocol(self._service)
        # It sees the headers that make a handshake, and no others: it has limits of its own on their number and length.
        shown = [
            f"{name}: {value}"
            for name, value in headers
            if name.lower() in {"host", "connection", "upgrade"} or name.lower().startswith("sec-websocket-")
        ]
        websocket.receive_data("\r\n".join(["GET / HTTP/1.1", *shown, "", ""]).encode("latin-1"))
        asked = next((event for event in websocket.events_received() if isinstance(event, HandshakeRequest)), None)
        response = websocket.accept(asked) if asked is not None else None
        if response is None or response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            status, body = (400, b"") if response is None else (response.status_code, bytes(response.body or b""))
            self.refuse(HttpResponse(status, body))
            return True
        connection = WebSocketConnection(self._service, self, websocket, response, rest)
        self._service.handshake(connection, Handshake(url.path, url.query, tuple(headers), self._source_ip))
        return True
