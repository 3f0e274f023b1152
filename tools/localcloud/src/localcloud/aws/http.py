"""A small HTTP/1.1 server on asyncio and httptools: whole requests in, whole responses out, connections kept.

What AWS clients do is what it knows: pipelined requests are answered in order, one at a time, chunked bodies are
joined, `Expect: 100-continue` is answered, and every size has a limit. What has no right to be here is refused before
its body is read.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from time import time
from typing import cast

import httptools

from localcloud.aws import access

HEAD_LIMIT = 64 * 1024  # bytes of request line and headers
BODY_LIMIT = 64 * 1024 * 1024  # the largest a client sends in one request is a part of an S3 upload
_QUEUE_LIMIT = 32  # requests that a client may have waiting; beyond it we stop reading from it
_LINGER_SECONDS = 5.0  # how long a refused client may take to read why, before the connection is cut
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """A request. `target` is as it arrived; the names of `headers` are in lower case, repeated ones joined."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    version: str = "1.1"
    keep_alive: bool = True


@dataclass(slots=True)
class Response:
    """A response. Content-Length, Date and Connection are added where they are missing."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class _Refusal:
    """Stands in the queue for a request that gets this answer and ends the connection."""

    response: Response


class _StopParsingError(Exception):
    """Leaves the parser once a request is refused."""


Application = Callable[[Request], Response | Awaitable[Response]]


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request | _Refusal] = deque()
        self._answering: asyncio.Future[Response] | None = None
        self._open = True
        self._writable = True
        self._reading = True
        self._refused = False  # nothing that arrives counts any more
        self._owes_continue = False
        self._quiet_bytes = 0  # received since the parser last had something to say: a header without end
        self._begin()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why makes no difference
        self._open = False
        self._waiting.clear()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._continue()

    def data_received(self, data: bytes) -> None:
        while data and not self._refused:
            self._quiet_bytes += len(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # An offer to speak something else (HTTP/2, say) may be ignored: RFC 9110, 7.8.
                data = data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
                continue
            except httptools.HttpParserError:
                if not self._refused:
                    self._refuse(HTTPStatus.BAD_REQUEST)
            if self._quiet_bytes > HEAD_LIMIT and not self._refused:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            break
        self._regulate_reading()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._begin()

    def on_url(self, url: bytes) -> None:
        self._count_head(url)
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(name, value)
        if self._complete_head:
            return  # a trailer: no one here has a use for one
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        if key in self._headers:
            if key == "host":
                self._stop(HTTPStatus.BAD_REQUEST)
            text = f"{self._headers[key]},{text}"
        self._headers[key] = text

    def on_headers_complete(self) -> None:
        self._quiet_bytes = 0
        self._complete_head = True
        version = self._parser.get_http_version()
        if version not in {"1.0", "1.1"} or ("host" not in self._headers and version == "1.1"):
            self._stop(HTTPStatus.BAD_REQUEST)
        if not self._target.startswith(b"/") and self._target != b"*":
            self._stop(HTTPStatus.BAD_REQUEST)  # a proxy's form, whose authority would overrule Host
        if self._parser.should_upgrade() and not self._headers.keys().isdisjoint(
            {"content-length", "transfer-encoding"}
        ):
            self._stop(HTTPStatus.BAD_REQUEST)  # the parser would take the body for what follows the upgrade
        if reason := access.refusal(self._headers):
            self._stop(HTTPStatus.FORBIDDEN, reason)
        if int(self._headers.get("content-length", 0)) > BODY_LIMIT:
            self._stop(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if version == "1.1" and self._headers.get("expect", "").lower() == "100-continue":
            self._owes_continue = True
            self._continue()

    def on_body(self, body: bytes) -> None:
        self._quiet_bytes = 0
        self._owes_continue = False
        self._body_size += len(body)
        if self._body_size > BODY_LIMIT:
            self._stop(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._quiet_bytes = 0
        self._owes_continue = False
        parser = self._parser
        request = Request(
            parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            self._headers,
            b"".join(self._body),
            parser.get_http_version(),
            parser.should_keep_alive(),
        )
        self._waiting.append(request)
        self._continue()

    # The rest is ours.

    def _begin(self) -> None:
        self._quiet_bytes = 0
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_size = 0
        self._head_size = 0
        self._complete_head = False

    def _count_head(self, *parts: bytes) -> None:
        self._quiet_bytes = 0
        self._head_size += sum(map(len, parts)) + 4
        if self._head_size > HEAD_LIMIT:
            self._stop(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _stop(self, status: HTTPStatus, reason: str = "") -> None:
        self._refuse(status, reason)
        raise _StopParsingError

    def _refuse(self, status: HTTPStatus, reason: str = "") -> None:
        self._refused = True
        body = f"{status.phrase}{': ' if reason else ''}{reason}\n".encode()
        self._waiting.append(_Refusal(Response(status, {"Content-Type": "text/plain"}, body)))
        self._continue()

    def _continue(self) -> None:
        """Answer what waits, in order, as long as nothing has to be waited for."""
        while self._waiting and self._answering is None and self._open and self._writable:
            request = self._waiting.popleft()
            if isinstance(request, _Refusal):
                self._write(request.response, "GET", keep_alive=False, old=False)
                return
            try:
                answer = self._application(request)
            except Exception:  # noqa: BLE001 - shown, and the client gets a 500
                answer = failed()
            if isinstance(answer, Response):
                self._respond(request, answer)
            else:
                self._answering = asyncio.ensure_future(answer)
                self._answering.add_done_callback(partial(self._answered, request))
        if self._owes_continue and self._open and not self._waiting and self._answering is None:
            self._owes_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answered(self, request: Request, done: asyncio.Future[Response]) -> None:
        self._answering = None
        try:
            response = done.result()
        except asyncio.CancelledError:
            return
        except Exception:  # noqa: BLE001 - shown, and the client gets a 500
            response = failed()
        if self._open:
            self._respond(request, response)
            self._continue()
            self._regulate_reading()

    def _respond(self, request: Request, response: Response) -> None:
        self._write(response, request.method, keep_alive=request.keep_alive, old=request.version == "1.0")

    def _write(self, response: Response, method: str, *, keep_alive: bool, old: bool) -> None:
        status = response.status
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        names = {name.lower() for name in response.headers}
        if "date" not in names:
            lines.append(f"Date: {_date()}")
        empty = status in {204, 304}
        if not empty and "content-length" not in names:
            lines.append(f"Content-Length: {len(response.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        elif old:
            lines.append("Connection: keep-alive")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        self._transport.write(head if empty or method == "HEAD" else head + response.body)
        if not keep_alive:
            self._finish()

    def _finish(self) -> None:
        """Say that no more follows, and read on for a while: closing with unread data would destroy the answer."""
        self._refused = True
        self._waiting.clear()
        self._transport.resume_reading() if not self._reading else None
        self._reading = True
        self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.abort)

    def _regulate_reading(self) -> None:
        crowded = len(self._waiting) >= _QUEUE_LIMIT
        if self._open and crowded == self._reading:
            self._reading = not crowded
            (self._transport.pause_reading if crowded else self._transport.resume_reading)()


def failed() -> Response:
    """The answer to a request whose handling raised the current exception, which is shown on stderr."""
    print(traceback.format_exc(), file=sys.stderr, end="")  # noqa: T201
    error = sys.exc_info()[1]
    text = f"{type(error).__name__}: {error}".replace("&", "&amp;").replace("<", "&lt;")
    # Botocore reads a body that begins with <html> as "no answer of the service's", whichever the protocol.
    return Response(500, {"Content-Type": "text/html; charset=utf-8"}, f"<html><body>{text}</body></html>".encode())


_dates: dict[int, str] = {}


def _date() -> str:
    now = int(time())
    if now not in _dates:
        _dates.clear()
        _dates[now] = formatdate(now, usegmt=True)
    return _dates[now]
