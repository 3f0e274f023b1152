from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import uvloop

from localcloud import http_server
from localcloud.gateway.effects import HttpResponse
from localcloud.http_server import HttpConnection, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

HOST = b"Host: 127.0.0.1\r\n"


class Application:
    """Answers with what it was asked; `/later` when told to."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.asked = asyncio.Event()
        self.later = asyncio.Event()
        self.left = asyncio.Event()

    def __call__(self, request: Request) -> HttpResponse | Awaitable[HttpResponse]:
        self.requests.append(request)
        self.asked.set()
        if request.target == "/raise":
            raise ValueError("<no> & no")
        if request.target == "/none":
            return HttpResponse(204)
        if request.target == "/later":
            return self._wait()
        return HttpResponse(200, b"%s %s" % (request.target.encode(), request.body), (("Content-Type", "text/plain"),))

    async def _wait(self) -> HttpResponse:
        await self.later.wait()
        return HttpResponse(200, b"later")


class Watched(HttpConnection):
    """A connection that tells when it is gone."""

    def __init__(self, application: Application) -> None:
        super().__init__(application)
        self.left = application.left

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.left.set()


class Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), headers

    async def answer(self) -> tuple[int, bytes]:
        status, headers = await self.head()
        return status, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def ended(self) -> bool:
        return await self.reader.read() == b""


def run(scenario: Callable[[Application, Peer], Awaitable[None]]) -> None:
    """Run a scenario on the loop that the endpoint runs on."""

    async def main() -> None:
        application = Application()
        async with serving(application) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                async with asyncio.timeout(30):
                    await scenario(application, Peer(reader, writer))
            finally:
                writer.close()

    uvloop.run(main())


@asynccontextmanager
async def serving(application: Application) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Watched(application), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_a_connection_is_kept() -> None:
    async def scenario(_: Application, peer: Peer) -> None:
        for target in (b"/1", b"/2"):
            peer.send(b"POST %s HTTP/1.1\r\n%sContent-Length: 2\r\n\r\nhi" % (target, HOST))
            status, headers = await peer.head()
            assert status == 200
            assert "connection" not in headers
            assert headers["date"].endswith("gmt")
            assert await peer.reader.readexactly(5) == target + b" hi"

    run(scenario)


def test_packets_go_out_at_once() -> None:
    async def main() -> None:
        application = Application()
        made: list[HttpConnection] = []

        def connection() -> HttpConnection:
            made.append(HttpConnection(application))
            return made[-1]

        server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
        async with server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"GET / HTTP/1.1\r\n%s\r\n" % HOST)
            await _.readuntil(b"\r\n\r\n")
            inner = made[0].transport.get_extra_info("socket")
            assert inner.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()

    uvloop.run(main())


def test_pipelined_requests_are_answered_in_order() -> None:
    async def scenario(application: Application, peer: Peer) -> None:
        count = 3 * http_server.QUEUE_LIMIT
        peer.send(b"GET /later HTTP/1.1\r\n%s\r\n" % HOST)
        for number in range(count):
            peer.send(b"GET /%d HTTP/1.1\r\n%s\r\n" % (number, HOST))
        peer.send(b"oops\r\n\r\n")
        await peer.writer.drain()
        await application.asked.wait()
        application.later.set()
        assert await peer.answer() == (200, b"later")
        for number in range(count):
            assert await peer.answer() == (200, b"/%d " % number)
        assert (await peer.answer())[0] == 400
        assert await peer.ended()

    run(scenario)


def test_a_chunked_body_arrives_whole_without_its_trailers() -> None:
    async def scenario(application: Application, peer: Peer) -> None:
        head = b"POST / HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n" % HOST
        peer.send(head + b"2\r\nab\r\n1;x=y\r\nc\r\n0\r\nOrigin: http://x\r\n\r\n")
        assert await peer.answer() == (200, b"/ abc")
        assert "origin" not in application.requests[0].headers

    run(scenario)


def test_a_client_that_asks_is_told_to_go_on_before_its_body_and_after_earlier_answers() -> None:
    async def scenario(application: Application, peer: Peer) -> None:
        expecting = b"PUT / HTTP/1.1\r\n%sExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n" % HOST
        peer.send(expecting)
        assert (await peer.head())[0] == 100
        peer.send(b"hi")
        assert await peer.answer() == (200, b"/ hi")
        peer.send(b"GET /later HTTP/1.1\r\n%s\r\n" % HOST + expecting)
        application.later.set()
        assert await peer.answer() == (200, b"later")
        assert (await peer.head())[0] == 100
        peer.send(b"hi")
        assert await peer.answer() == (200, b"/ hi")

    run(scenario)


def test_head_and_no_content_have_no_body() -> None:
    async def scenario(_: Application, peer: Peer) -> None:
        peer.send(
            b"HEAD /x HTTP/1.1\r\n%s\r\nGET /none HTTP/1.1\r\n%s\r\nGET /y HTTP/1.1\r\n%s\r\n" % (HOST, HOST, HOST)
        )
        status, headers = await peer.head()
        assert (status, headers["content-length"]) == (200, "3")
        status, headers = await peer.head()
        assert status == 204
        assert "content-length" not in headers
        assert await peer.answer() == (200, b"/y ")

    run(scenario)


@pytest.mark.parametrize(
    ("request_head", "kept"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_the_client_says_whether_the_connection_is_kept(request_head: bytes, *, kept: bool) -> None:
    async def scenario(_: Application, peer: Peer) -> None:
        peer.send(request_head)
        status, headers = await peer.head()
        assert (status, headers["connection"]) == (200, "keep-alive" if kept else "close")
        await peer.reader.readexactly(2)
        if kept:
            peer.send(request_head)
            assert (await peer.answer())[0] == 200
        else:
            assert await peer.ended()

    run(scenario)


def test_an_upgrade_is_ignored() -> None:
    async def scenario(_application: Application, peer: Peer) -> None:
        offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"
        for _ in range(2):
            peer.send((b"GET /1 HTTP/1.1\r\n%s%s\r\n" % (HOST, offer)) * 2)
            assert await peer.answer() == (200, b"/1 ")
            assert await peer.answer() == (200, b"/1 ")

    run(scenario)


LONG = b"x" * http_server.HEAD_LIMIT


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (400, b"nonsense\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n%s%s\r\n" % (HOST, HOST)),
        (400, b"GET / HTTP/3.0\r\n%s\r\n" % HOST),
        (400, b"GET http://127.0.0.1/ HTTP/1.1\r\n%s\r\n" % HOST),
        (400, b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n%s\r\n" % HOST),
        (400, b"POST / HTTP/1.1\r\n%sConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nhi" % HOST),
        (400, b"POST / HTTP/1.1\r\n%sContent-Length: x\r\n\r\n" % HOST),
        (400, b"POST / HTTP/1.1\r\n%sContent-Length: 1\r\nContent-Length: 2\r\n\r\n" % HOST),
        (400, b"POST / HTTP/1.1\r\n%sContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" % HOST),
        (400, b"POST / HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\nzz\r\n" % HOST),
        (403, b"POST / HTTP/1.1\r\nHost: evil.example\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"),
        (403, b"POST / HTTP/1.1\r\n%sOrigin: https://evil.example\r\nContent-Length: 9\r\n\r\n" % HOST),
        (413, b"POST / HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n" % (HOST, http_server.BODY_LIMIT + 1)),
        (413, b"POST / HTTP/1.1\r\n%sExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n" % HOST),
        (431, b"GET /%s HTTP/1.1\r\n%s\r\n" % (LONG, HOST)),
        (431, b"GET / HTTP/1.1\r\n%sX: %s\r\n\r\n" % (HOST, LONG)),
        (431, b"GET / HTTP/1.1\r\n%s%s" % (HOST, b"X: y\r\n" * (http_server.HEAD_LIMIT // 5))),
        (431, b"GET / HTTP/1.1\r\n%sX: %s" % (HOST, LONG * 16)),  # without end
        (431, b"POST / HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n0\r\nX: %s" % (HOST, LONG * 16)),
    ],
)
def test_a_bad_request_is_refused_and_the_connection_ends(status: int, data: bytes) -> None:
    async def scenario(application: Application, peer: Peer) -> None:
        peer.send(data)
        got, headers = await peer.head()
        assert (got, headers["connection"]) == (status, "close")
        await peer.reader.readexactly(int(headers["content-length"]))
        assert await peer.ended()
        assert application.requests == []

    run(scenario)


def test_a_chunked_body_that_grows_too_large_is_refused_while_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "BODY_LIMIT", 1000)

    async def scenario(application: Application, peer: Peer) -> None:
        peer.send(b"POST / HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n" % HOST)
        for _ in range(2000):  # goes on although it has been refused: the answer still arrives
            peer.send(b"ff\r\n%s\r\n" % (b"x" * 255))
        await peer.writer.drain()
        assert (await peer.answer())[0] == 413
        assert await peer.ended()
        assert application.requests == []

    run(scenario)


def test_a_body_of_six_megabytes_arrives() -> None:
    async def scenario(_: Application, peer: Peer) -> None:
        body = b"x" * 6 * 1024 * 1024
        peer.send(b"POST / HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (HOST, len(body), body))
        assert await peer.answer() == (200, b"/ " + body)

    run(scenario)


def test_a_request_that_raises_is_answered_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(_application: Application, peer: Peer) -> None:
        for _ in range(2):
            peer.send(b"GET /raise HTTP/1.1\r\n%s\r\n" % HOST)
            assert await peer.answer() == (500, b"<html><body>ValueError: &lt;no> &amp; no</body></html>")

    run(scenario)
    assert "ValueError: <no> & no" in capsys.readouterr().err


def test_a_client_that_leaves_while_it_waits_is_forgotten() -> None:
    async def main() -> None:
        application = Application()
        async with serving(application) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /later HTTP/1.1\r\n%s\r\nGET /next HTTP/1.1\r\n%s\r\n" % (HOST, HOST))
            await application.asked.wait()
            writer.close()
            await application.left.wait()
            application.later.set()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /other HTTP/1.1\r\n%s\r\n" % HOST)
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
        assert [request.target for request in application.requests] == ["/later", "/other"]

    uvloop.run(main())
