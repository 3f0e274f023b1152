"""The HTTP client against servers that behave well, oddly, and badly."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from localcloud import http_client
from localcloud.gateway.effects import Failed, Fetch, Outcome, Responded
from localcloud.http_client import RESPONSE_LIMIT, HttpClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

TIMEOUT = 30.0


class Backend:
    """Answers each request on a connection with the next of these raw bytes; then it closes."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for answer in self.answers:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = next(
                (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0
            )
            self.requests.append(head + await reader.readexactly(length))
            writer.write(answer)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(backend: Backend) -> AsyncIterator[str]:
    server = await asyncio.start_server(backend, "127.0.0.1", 0)
    try:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()
        await server.wait_closed()


def request(url: str, body: bytes = b"hi", method: str = "POST", *, private: bool = False) -> Fetch:
    return Fetch("c", "id", method, url, (("X-One", "1"),), body, 29, private)


async def fetch(client: HttpClient, asked: Fetch) -> Outcome:
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    client.fetch(asked, done.set_result)
    return await asyncio.wait_for(done, TIMEOUT)


def run(backend: Backend, *asked: Callable[[str], Fetch]) -> list[Outcome]:
    """The outcomes of requests that are made one after another."""

    async def main() -> list[Outcome]:
        client = HttpClient()
        async with serving(backend) as url:
            outcomes = [await fetch(client, ask(url)) for ask in asked]
            client.close()
            return outcomes

    return uvloop.run(main())


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Two: 2\r\n\r\nok"


def test_a_request_is_written_whole_and_the_response_comes_whole() -> None:
    backend = Backend(OK)
    (outcome,) = run(backend, lambda url: request(f"{url}/path?k=v"))
    assert outcome == Responded(200, (("content-length", "2"), ("x-two", "2")), b"ok")
    head, _, body = backend.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /path?k=v HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-One: 1\r\nContent-Length: 2" in head
    assert body == b"hi"


def test_connections_are_kept() -> None:
    backend = Backend(OK, OK, OK)
    outcomes = run(backend, *[request] * 3)
    assert [outcome.body for outcome in outcomes if isinstance(outcome, Responded)] == [b"ok"] * 3
    assert backend.connections == 1


def test_a_kept_connection_that_has_ended_is_replaced() -> None:
    backend = Backend(OK)  # closes after each answer without having said so
    outcomes = run(backend, *[request] * 3)
    assert [outcome.body for outcome in outcomes if isinstance(outcome, Responded)] == [b"ok"] * 3
    assert backend.connections == 3


def test_requests_at_once_have_connections_of_their_own() -> None:
    backend = Backend(OK)

    async def main() -> list[Outcome]:
        client = HttpClient()
        async with serving(backend) as url:
            outcomes = await asyncio.gather(*(fetch(client, request(url)) for _ in range(5)))
            client.close()
            return outcomes

    assert all(isinstance(outcome, Responded) for outcome in uvloop.run(main()))
    assert backend.connections == 5


def test_more_requests_than_connections_take_turns_and_get_their_own_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_CONNECTIONS", 1)
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number for number in range(5)]
    backend = Backend(*answers)

    async def main() -> list[Outcome]:
        client = HttpClient()
        async with serving(backend) as url:
            outcomes = await asyncio.gather(*(fetch(client, request(url, b"%d" % number)) for number in range(5)))
            client.close()
            return outcomes

    outcomes = uvloop.run(main())
    assert [outcome.body for outcome in outcomes if isinstance(outcome, Responded)] == [b"0", b"1", b"2", b"3", b"4"]
    assert [asked[-1:] for asked in backend.requests] == [b"0", b"1", b"2", b"3", b"4"]
    assert backend.connections == 1


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\nT: x\r\n\r\n", b"ab"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_every_framing_of_a_body_is_understood(answer: bytes, body: bytes) -> None:
    (outcome,) = run(Backend(answer), request)
    assert isinstance(outcome, Responded)
    assert outcome.body == body
    assert "t" not in dict(outcome.headers)


def test_a_head_response_has_no_body() -> None:
    (outcome,) = run(Backend(OK[:-2]), lambda url: request(url, b"", "HEAD"))
    assert isinstance(outcome, Responded)
    assert outcome.body == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"\x16\x03\x01 no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (RESPONSE_LIMIT + 1),
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_what_is_no_whole_answer_is_unreachable(answer: bytes) -> None:
    assert run(Backend(answer), request) == [Failed.UNREACHABLE]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "http://name.invalid/", "ftp://127.0.0.1/", "http://[x", "http://a\u2603\ud800.b/", ""],
)
def test_an_address_that_leads_nowhere_is_unreachable(url: str) -> None:
    assert run(Backend(), lambda _: request(url)) == [Failed.UNREACHABLE]


def test_a_target_with_a_line_break_is_not_sent() -> None:
    backend = Backend(OK)
    assert run(backend, lambda url: request(f"{url}/a b")) == [Failed.UNREACHABLE]
    assert backend.requests == []


class Leading:
    """A load balancer whose listener on 8080 leads to one address."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self.failures: list[tuple[str, int]] = []

    def __call__(self, port: int) -> tuple[str, int] | None:
        return self._address if port == 8080 else None

    def failed(self, address: tuple[str, int]) -> None:
        self.failures.append(address)


def test_a_load_balancer_learns_of_a_target_that_refuses_connections() -> None:
    async def main() -> Leading:
        with socket.create_server(("127.0.0.1", 0)) as free:
            balancer = Leading(*free.getsockname())
        client = HttpClient({"nlb.elb.amazonaws.com": balancer})
        outcome = await fetch(client, request("http://nlb.elb.amazonaws.com:8080/x", private=True))
        client.close()
        assert outcome is Failed.UNREACHABLE
        return balancer

    balancer = uvloop.run(main())
    assert balancer.failures == [balancer(8080)]


def test_a_load_balancer_learns_of_a_target_that_ends_without_an_answer_before_anybody_else_does() -> None:
    async def main() -> None:
        async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(end, "127.0.0.1", 0)
        async with server:
            balancer = Leading(*server.sockets[0].getsockname())
            client = HttpClient({"nlb.elb.amazonaws.com": balancer})
            told: list[object] = []
            asked = request("http://nlb.elb.amazonaws.com:8080/x", private=True)
            done = asyncio.Event()

            def hear(outcome: Outcome) -> None:
                told.extend((outcome, list(balancer.failures)))
                done.set()

            client.fetch(asked, hear)
            await done.wait()
            client.close()
            assert told == [Failed.UNREACHABLE, [balancer(8080)]]

    uvloop.run(main())


def test_a_private_request_goes_where_the_load_balancer_leads() -> None:
    async def main() -> list[Outcome]:
        backend = Backend(OK, OK)
        async with serving(backend) as url:
            host, port = url.removeprefix("http://").split(":")
            client = HttpClient({"nlb.elb.amazonaws.com": Leading(host, int(port))})
            asked = ("http://nlb.elb.amazonaws.com:8080/x", "http://nlb.elb.amazonaws.com/x", "http://other/")
            outcomes = [await fetch(client, request(address, private=True)) for address in asked]
            client.close()
            assert b"Host: nlb.elb.amazonaws.com:8080" in backend.requests[0]
            return outcomes

    answered, *others = uvloop.run(main())
    assert isinstance(answered, Responded)
    assert others == [Failed.UNREACHABLE] * 2


def test_what_is_cancelled_is_told_nothing_and_its_connection_ends() -> None:
    async def main() -> None:
        ended = asyncio.Event()
        arrived = asyncio.Event()

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"hi")
            arrived.set()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await reader.readexactly(1)
            ended.set()
            writer.close()

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        client = HttpClient()
        told: list[Outcome] = []
        exchange = client.fetch(request("http://{}:{}".format(*server.sockets[0].getsockname())), told.append)
        await asyncio.wait_for(arrived.wait(), TIMEOUT)
        assert exchange is not None
        exchange.cancel()
        await asyncio.wait_for(ended.wait(), TIMEOUT)
        client.close()
        server.close()
        assert told == []

    uvloop.run(main())


def certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1 that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    secret, public = folder / "key.pem", folder / "cert.pem"
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    public.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return secret, public


@pytest.mark.parametrize("trusted", [False, True])
def test_https_endpoints_need_a_certificate_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    key, public = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(public, key)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(public))

    async def main() -> Outcome:
        server = await asyncio.start_server(Backend(OK), "127.0.0.1", 0, ssl=tls)
        client = HttpClient()
        outcome = await fetch(client, request("https://{}:{}/".format(*server.sockets[0].getsockname())))
        client.close()
        server.close()
        return outcome

    outcome = uvloop.run(main())
    assert (outcome is Failed.UNREACHABLE) is not trusted
    assert isinstance(outcome, Responded) is trusted
