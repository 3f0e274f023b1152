"""The HTTP/1.1 server behind every port of the local cloud that speaks HTTP: whole requests in, whole responses out.

It stands on asyncio and httptools. Connections are kept, pipelined requests are answered in order, one at a time,
chunked bodies are joined, `Expect: 100-continue` is answered, and every size has a limit. What has no right to be here
is refused before its body is read.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import deque
from email.utils import formatdate
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING, cast

import httptools

from localcloud import access
from localcloud.gateway.effects import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HEAD_LIMIT = 64 * 1024  # bytes of request line and headers
BODY_LIMIT = 64 * 1024 * 1024  # the largest a client sends in one request is a part of an S3 upload
QUEUE_LIMIT = 32  # requests that a client may have waiting; beyond it we stop reading from it
_LINGER_SECONDS = 5.0  # how long a client may take to read its last response, before the connection is cut
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Request:
    """A request; trailers are left out."""

    __slots__ = ("_headers", "_raw", "body", "keep_alive", "method", "target", "version")

    def __init__(self, method: str, target: str, raw: list[tuple[bytes, bytes]]) -> None:
        self.method = method
        self.target = target
        self.body = b""
        self.version = "1.1"
        self.keep_alive = True
        self._raw = raw
        self._headers: dict[str, str] | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The headers as they arrived."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._raw]

    @property
    def headers(self) -> dict[str, str]:
        """The headers by their names in lower case, repeated ones joined. Always the same dictionary."""
        if self._headers is None:
            headers: dict[str, str] = {}
            for name, value in self.pairs:
                key, text = name.lower(), value.strip()
                headers[key] = f"{headers[key]},{text}" if key in headers else text
            self._headers = headers
        return self._headers


class _StopParsingError(Exception):
    """Leaves the parser once a request is refused."""


class HttpConnection(asyncio.Protocol):
    """One client."""

    head_limit = HEAD_LIMIT

    def __init__(self, handle: Callable[[Request], HttpResponse | Awaitable[HttpResponse] | None]) -> None:
        """`handle` gives the response, the promise of one, or None when `respond` is called with it."""
        self._handle = handle
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request | HttpResponse] = deque()  # a response ends the connection
        self._current: Request | None = None  # is being handled
        self._offer: Request | None = None  # asks for an upgrade, and the parser has not got over it
        self._open = True
        self._writable = True
        self._reading = True
        self._refused = False  # nothing that arrives counts any more
        self._owes_continue = False
        self._quiet_bytes = 0  # received since the last end of a head, part of a body, or end of a request
        self._answering: asyncio.Future[HttpResponse] | None = None
        self._end: asyncio.TimerHandle | None = None

    # What those who inherit may say otherwise.

    def refusal(self, request: Request) -> HttpResponse | None:
        """Why a request is refused, whose body has not been read yet."""
        headers = request.headers
        host = headers.get("host")
        if "," in (host or "") or (host is None and request.version == "1.1"):
            return refused(HTTPStatus.BAD_REQUEST)
        if not request.target.startswith("/") and request.target != "*":
            return refused(HTTPStatus.BAD_REQUEST)  # a proxy's form, whose authority would overrule Host
        if reason := access.refusal(headers):
            return refused(HTTPStatus.FORBIDDEN, reason)
        if int(headers.get("content-length", 0)) > BODY_LIMIT:
            return refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return None

    def upgrade(self, request: Request, rest: bytes) -> bool:  # noqa: ARG002
        """Whether this takes up the offer to speak something else; `rest` is what follows the request.

        An offer may be ignored: RFC 9110, 7.8.
        """
        return False

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why makes no difference
        self._open = False
        self._waiting.clear()
        if self._end is not None:
            self._end.cancel()

    def pause_writing(self) -> None:
        """The client asks and does not read: take no more from it until it does."""
        self._writable = False
        self._regulate_reading()

    def resume_writing(self) -> None:
        self._writable = True
        self._continue()
        self._regulate_reading()

    def data_received(self, data: bytes) -> None:
        while data and not self._refused:
            self._quiet_bytes += len(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                request, self._offer = self._offer, None
                if request is not None and self.upgrade(request, data):
                    return
                self._parser = httptools.HttpRequestParser(self)
                if request is not None and not self._refused:
                    self._waiting.append(request)
                    self._continue()
                continue
            except httptools.HttpParserError:
                if not self._refused:
                    self.refuse(refused(HTTPStatus.BAD_REQUEST))
            if self._quiet_bytes > self.head_limit and not self._refused:
                self.refuse(refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
            break
        self._regulate_reading()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._head_size = self._body_size = 0
        self._complete_head = self._expects = False
        self._target = b""
        self._raw: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._head_size += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value) + 4
        if self._head_size > self.head_limit:
            self._stop(refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        if not self._complete_head:  # or it is a trailer, for which no one here has a use
            self._raw.append((name, value))
            if len(name) == len(b"expect") and name.lower() == b"expect":
                self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self._complete_head = True
        self._quiet_bytes = 0
        parser = self._parser
        request = self._request = Request(parser.get_method().decode(), self._target.decode("latin-1"), self._raw)
        request.version = parser.get_http_version()
        if request.version not in {"1.0", "1.1"}:
            self._stop(refused(HTTPStatus.BAD_REQUEST))
        if self._head_size > self.head_limit:
            self._stop(refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        if (response := self.refusal(request)) is not None:
            self._stop(response)
        if self._expects and request.version == "1.1":
            self._owes_continue = True
            self._continue()

    def on_body(self, body: bytes) -> None:
        self._quiet_bytes = 0
        self._owes_continue = False
        self._body_size += len(body)
        if self._body_size > BODY_LIMIT:
            self._stop(refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._quiet_bytes = 0
        self._owes_continue = False
        request = self._request
        request.body = b"".join(self._body)
        request.keep_alive = self._parser.should_keep_alive()
        if self._parser.should_upgrade():
            if not request.headers.keys().isdisjoint({"content-length", "transfer-encoding"}):
                self._stop(refused(HTTPStatus.BAD_REQUEST))  # the parser takes the body for what follows the upgrade
            self._offer = request
            return
        self._waiting.append(request)
        self._continue()

    def _stop(self, response: HttpResponse) -> None:
        self.refuse(response)
        raise _StopParsingError

    # The responses.

    def close(self) -> None:
        """End the connection when everything is written."""
        self.transport.close()

    def refuse(self, response: HttpResponse) -> None:
        """Give this response after those before it, and then end the connection."""
        self._refused = True
        self._waiting.append(response)
        self._continue()

    def respond(self, response: HttpResponse | bytes) -> None:
        """Answer the request that `handle` got; bytes are a response as it is sent."""
        request, self._current = self._current, None
        if request is None or not self._open:
            return  # the client has gone
        self._write(response, request)
        if self._waiting:
            self._continue()

    def _continue(self) -> None:
        """Handle what waits, in order, as long as nothing has to be waited for."""
        while self._waiting and self._current is None and self._open and self._writable:
            request = self._waiting.popleft()
            if isinstance(request, HttpResponse):
                self._finish(request)
                return
            self._current = request
            try:
                response = self._handle(request)
            except Exception:  # noqa: BLE001 - shown, and the client gets a 500
                response = failed()
            if isinstance(response, HttpResponse):
                if self._current is request:  # or it has been answered, and what came after has raised
                    self._current = None
                    self._write(response, request)
            elif response is not None:
                self._answering = asyncio.ensure_future(response)
                self._answering.add_done_callback(self._answered)
        if self._owes_continue and self._open and not self._waiting and self._current is None:
            self._owes_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answered(self, done: asyncio.Future[HttpResponse]) -> None:
        self._answering = None
        try:
            response = done.result()
        except asyncio.CancelledError:
            return
        except Exception:  # noqa: BLE001 - shown, and the client gets a 500
            response = failed()
        self.respond(response)
        self._continue()
        self._regulate_reading()

    def _write(self, response: HttpResponse | bytes, request: Request) -> None:
        if isinstance(response, bytes):
            self.transport.write(response)
        elif request.keep_alive:
            connection = "Connection: keep-alive\r\n" if request.version == "1.0" else ""
            self.transport.write(encoded(response, connection, head_only=request.method == "HEAD"))
        else:
            self._finish(response, head_only=request.method == "HEAD")

    def _finish(self, response: HttpResponse, *, head_only: bool = False) -> None:
        """Give the last response, say that no more follows, and read on for a while.

        Closing with unread data would reset the connection, and a reset may overtake the response: RFC 9112, 9.6.
        """
        self._refused = True
        self._waiting.clear()
        self._regulate_reading()
        self.transport.write(encoded(response, "Connection: close\r\n", head_only=head_only))
        self.transport.write_eof()
        self._end = asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.transport.abort)

    def _regulate_reading(self) -> None:
        reading = self._refused or (self._writable and len(self._waiting) < QUEUE_LIMIT)
        if reading is not self._reading and self._open and not self.transport.is_closing():
            self._reading = reading
            (self.transport.resume_reading if reading else self.transport.pause_reading)()


def encoded(response: HttpResponse, connection: str = "", *, head_only: bool = False) -> bytes:
    """A response as it is sent. Content-Length is added to its headers, and Date where it is missing."""
    status = response.status
    empty = status in {204, 304}
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '-')}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in response.headers]
    names = {name.lower() for name, _ in response.headers}
    if "date" not in names:
        lines.append(f"Date: {_date()}\r\n")
    if not empty and "content-length" not in names:
        lines.append(f"Content-Length: {len(response.body)}\r\n")
    head = f"{''.join(lines)}{connection}\r\n".encode("latin-1", "replace")
    return head if empty or head_only else head + response.body


def refused(status: HTTPStatus, reason: str = "") -> HttpResponse:
    """A refusal in plain words."""
    body = f"{status.phrase}{': ' if reason else ''}{reason}\n".encode()
    return HttpResponse(status, body, (("Content-Type", "text/plain"),))


def failed() -> HttpResponse:
    """The answer to a request whose handling raised the current exception, which is shown on stderr."""
    print(traceback.format_exc(), file=sys.stderr, end="")  # noqa: T201
    error = sys.exc_info()[1]
    text = f"{type(error).__name__}: {error}".replace("&", "&amp;").replace("<", "&lt;")
    # Botocore reads a body that begins with <html> as "no answer of the service's", whichever the protocol.
    body = f"<html><body>{text}</body></html>".encode()
    return HttpResponse(500, body, (("Content-Type", "text/html; charset=utf-8"),))


_dates: dict[int, str] = {}


def _date() -> str:
    now = int(time())
    if now not in _dates:
        _dates.clear()
        _dates[now] = formatdate(now, usegmt=True)
    return _dates[now]
