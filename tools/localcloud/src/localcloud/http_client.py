"""The HTTP client of HTTP integrations, and of the local cloud's own questions: HTTP/1.1 on asyncio and httptools,
connections kept, whole responses.

It follows no redirects and reads no proxy settings, as API Gateway does not. Names of load balancers behind a VPC link
are looked up in what it was given; everything else resolves as usual.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

import httptools

from localcloud.gateway.effects import Failed, Fetch, Responded

if TYPE_CHECKING:
    from localcloud.gateway.effects import Outcome

Address = tuple[str, int]


class Balancer(Protocol):
    """A load balancer behind a VPC link."""

    def __call__(self, port: int) -> Address | None:
        """Where its listener on a port leads now, None for nowhere."""

    def failed(self, address: Address) -> None:
        """A connection to there was refused, or ended without an answer."""


Balancers = Mapping[str, Balancer]
"""By their DNS names."""

RESPONSE_LIMIT = 10 * 1024 * 1024  # bytes, the most that API Gateway takes from an endpoint
_CONNECTIONS = 256  # to one endpoint; further requests wait for one of them
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f]")


class Exchange:
    """One request and the wait for its response."""

    def __init__(self, fetch: Fetch, head: bytes, done: Callable[[Outcome], None]) -> None:
        self.message = head + fetch.body
        self.no_body = fetch.method == "HEAD"
        self.retried = False
        self._done: Callable[[Outcome], None] | None = done
        self.connection: _Connection | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return self._done is not None

    def finish(self, outcome: Outcome) -> None:
        """Tell the outcome, once."""
        done, self._done = self._done, None
        if done is not None:
            done(outcome)

    def cancel(self) -> None:
        """Nobody waits any more: the connection that works on it is closed, as HTTP/1.1 has no other way."""
        self._done = None
        if self.connection is not None:
            self.connection.abort()


class HttpClient:
    """Makes requests; `balancers` gives for a load balancer's DNS name the balancer."""

    def __init__(self, balancers: Balancers | None = None) -> None:
        self._balancers = balancers or {}
        self._pools: dict[tuple[str, int, bool], _Pool] = {}

    def fetch(self, fetch: Fetch, done: Callable[[Outcome], None]) -> Exchange | None:
        """Make a request. `done` is called once, later or at once: with Responded, or Failed.UNREACHABLE.

        Gives what can be cancelled, or None when there is nothing to cancel.
        """
        try:
            url = urlsplit(fetch.url)
            host, tls = url.hostname or "", url.scheme == "https"
            address = (host, url.port or (443 if tls else 80))
        except ValueError:
            host, tls, address = "", False, ("", 0)
        target = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}" if host else ""
        failed: Callable[[], None] | None = None
        if fetch.private and host:
            balancer = self._balancers.get(host)
            found = balancer(address[1]) if balancer is not None else None
            address = found or ("", 0)
            if balancer is not None and found is not None:
                failed = partial(balancer.failed, found)
        if not address[0] or _UNSENDABLE.search(target) or url.scheme not in {"http", "https"}:
            done(Failed.UNREACHABLE)
            return None
        exchange = Exchange(fetch, _head(fetch, url.netloc.rpartition("@")[2], target), done)
        pool = self._pools.get((*address, tls))
        if pool is None:
            pool = self._pools[(*address, tls)] = _Pool(*address, host if tls else None, failed)
        pool.take(exchange)
        return exchange

    async def ask(
        self, method: str, url: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
    ) -> Responded:
        """A response, for who awaits it. OSError when there is none."""
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        request = Fetch("", "", method, url, headers, body, timeout=0.0)
        exchange = self.fetch(request, lambda outcome: None if answer.done() else answer.set_result(outcome))
        try:
            outcome = await answer
        except asyncio.CancelledError:
            if exchange is not None:
                exchange.cancel()
            raise
        if not isinstance(outcome, Responded):
            raise ConnectionError(f"the request to {url} has failed")
        return outcome

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()


def _head(fetch: Fetch, host: str, target: str) -> bytes:
    lines = [f"{fetch.method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in fetch.headers if name.lower() != "host"]
    if fetch.body or fetch.method not in {"GET", "HEAD", "DELETE"}:
        lines.append(f"Content-Length: {len(fetch.body)}")
    text = "\r\n".join([*lines, "", ""])
    try:
        return text.encode("latin-1")  # as a client's own headers came in
    except UnicodeEncodeError:
        return text.encode(errors="replace")


class _Pool:
    """The connections to one endpoint."""

    def __init__(self, host: str, port: int, server_name: str | None, failed: Callable[[], None] | None) -> None:
        self._address = (host, port)
        self._failed = failed
        self._server_name = server_name
        self._tls = ssl.create_default_context() if server_name is not None else None
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()
        self._waiting: deque[Exchange] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False

    def take(self, exchange: Exchange) -> None:
        """Make an exchange now, on a connection that is idle or on a new one, or when one has become free."""
        if self._idle:
            self._idle.pop().start(exchange)
            return
        self._waiting.append(exchange)
        self._grow()

    def _grow(self) -> None:
        if len(self._opening) < len(self._waiting) and len(self._all) + len(self._opening) < _CONNECTIONS:
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        if not self._closed:
            self._grow()

    async def _open(self) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), *self._address, ssl=self._tls, server_hostname=self._server_name
            )
        except (OSError, UnicodeError):  # the latter from a name that is none
            if (exchange := self._next()) is not None:
                self._fail(exchange)
            return
        self._all.add(connection)
        self.free(connection)

    def free(self, connection: _Connection) -> None:
        """A connection can take another request."""
        exchange = None if self._closed else self._next()
        if exchange is not None:
            connection.start(exchange)
        elif self._closed:
            connection.abort()
        else:
            self._idle.append(connection)

    def lost(self, connection: _Connection, exchange: Exchange | None, *, silent: bool) -> None:
        """A connection has ended; with an exchange that has no answer, `silent` when not a byte of one came.

        A server may close an idle connection just when it is used again: then the request is made once more.
        """
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if exchange is not None and exchange.wanted:
            if silent and connection.reused and not exchange.retried and not self._closed:
                exchange.retried = True
                self.take(exchange)
            else:
                self._fail(exchange)
        if not self._closed:
            self._grow()

    def _fail(self, exchange: Exchange) -> None:
        """The load balancer learns of it first: whoever waits may ask again at once."""
        if self._failed is not None:
            self._failed()
        exchange.finish(Failed.UNREACHABLE)

    def close(self) -> None:
        """End."""
        self._closed = True
        for task in self._opening:
            task.cancel()
        for connection in list(self._all):
            connection.abort()

    def _next(self) -> Exchange | None:
        while self._waiting:
            exchange = self._waiting.popleft()
            if exchange.wanted:
                return exchange
        return None


class _Connection(asyncio.Protocol):
    """One connection to an endpoint, one exchange at a time."""

    def __init__(self, pool: _Pool) -> None:
        self.reused = False
        self._pool = pool
        self._exchange: Exchange | None = None
        self._received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def start(self, exchange: Exchange) -> None:
        """Send a request."""
        self._exchange = exchange
        exchange.connection = self
        self._received = 0
        self._status = 0
        self._complete_head = False
        self._framed = False
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(exchange.message)

    def abort(self) -> None:
        """End the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:  # nobody has asked
            self._transport.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail()
        else:
            if self._received > RESPONSE_LIMIT:
                self._fail()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._exchange is not None and self._complete_head and not self._framed:
            self._respond(keep=False)  # its end is the body's
        exchange, self._exchange = self._exchange, None
        self._pool.lost(self, exchange, silent=self._received == 0)

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._complete_head:
            return  # a trailer
        key = name.decode("latin-1").lower()
        self._headers.append((key, value.decode("latin-1")))
        if key in {"content-length", "transfer-encoding"}:
            self._framed = True

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._complete_head = True
        if self._exchange is not None and self._exchange.no_body and self._status >= 200:
            self._respond(keep=False)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._status < 200:  # 100 Continue and its like come before the answer
            self._headers, self._complete_head, self._framed = [], False, False
            return
        self._respond(keep=self._parser.should_keep_alive())

    def _respond(self, *, keep: bool) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        exchange.connection = None
        response = Responded(self._status, tuple(self._headers), b"".join(self._body))
        if keep:
            self.reused = True
            self._pool.free(self)  # which may start the next exchange at once
        else:
            self._transport.close()
        exchange.finish(response)

    def _fail(self) -> None:
        exchange, self._exchange = self._exchange, None
        self._transport.abort()
        if exchange is not None:
            exchange.connection = None
            exchange.finish(Failed.UNREACHABLE)
