"""The protocols on a transport that is none: guards, limits, and whatever bytes a client may think of."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.api_connection import ApiConnection
from localcloud.clock import Clock
from localcloud.gateway.model import Domain, Limits, Route
from localcloud.gateway.settings import Settings
from localcloud.http_client import HttpClient
from localcloud.metrics import Metrics
from localcloud.server import Server, Surroundings

from .gateway.scenes import api, mock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13"
UPGRADE = f"Connection: Upgrade\r\nUpgrade: websocket\r\n{KEY}"


class Wire(asyncio.Transport):
    """A transport that keeps what is written; what is unread can be set."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.aborted = False
        self.ended = False
        self.reading = True
        self.unread = 0
        self.protocol: Any = ApiConnection(server)
        self.protocol.connection_made(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("203.0.113.9", 5) if name == "peername" else default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.aborted
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """The client may still send."""
        self.ended = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def sends(self, data: bytes) -> None:
        """The client's bytes arrive, as long as anybody listens."""
        if not self.closed:
            self.protocol.data_received(data)

    def ends(self) -> None:
        """The socket is gone."""
        self.closed = True
        self.protocol.connection_lost(None)

    @property
    def status(self) -> int:
        return int(self.written.split(b" ", 2)[1]) if self.written else 0


def serve(test: Callable[[Server], Any], *routes: Route, origins: Any = (), **properties: Any) -> Any:
    """Run a test against a server that has no socket."""
    given = {"domains": (Domain("ws.example.com", ""),)} | properties
    served = api(*(routes or (Route("$default", mock(reply="reply"), responds=True),)), **given)

    async def main() -> Any:
        surroundings = Surroundings({}, HttpClient(), Metrics(Clock()), origins=frozenset(origins))
        return test(Server(served, surroundings, Clock()))

    return asyncio.run(main())


def request(server: Server, *headers: str, method: str = "GET", path: str = "/prod", body: bytes = b"") -> Wire:
    wire = Wire(server)
    length = [f"Content-Length: {len(body)}"] if body else []
    wire.sends("\r\n".join([f"{method} {path} HTTP/1.1", *headers, *length, "", ""]).encode() + body)
    return wire


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True) -> bytes:
    """A frame as a client sends it, masked with zeros."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 65536 else b"\x7f" + size.to_bytes(8)
    head = bytes([fin << 7 | rsv << 4 | opcode, mask << 7 | length[0]]) + length[1:]
    return head + (bytes(4) if mask else b"") + payload


def opened(server: Server, *headers: str) -> Wire:
    wire = request(server, UPGRADE, *headers)
    assert wire.status == 101
    wire.written = wire.written.partition(b"\r\n\r\n")[2]
    return wire


# Who may come.

ALLOWED = [
    "Host: 127.0.0.1:4001",
    "Host: localhost",
    "Host: [::1]:4001",
    "Host: abcde12345.execute-api.us-east-1.amazonaws.com",
    "Host: localhost\r\nOrigin: http://localhost:3000",
    "Host: localhost\r\nOrigin: https://127.0.0.1",
    "Host: localhost\r\nOrigin: https://app.example",
]
FOREIGN = [
    "Host: evil.example",
    "Host: 127.0.0.1.evil.example",
    "Host: other.execute-api.us-east-1.amazonaws.com",
    "Host: localhost\r\nOrigin: https://evil.example",
    "Host: localhost\r\nOrigin: null",
    "Host: localhost\r\nOrigin: http://localhost.evil.example",
    "Host: localhost\r\nOrigin: https://app.example:444",
    "Host: localhost\r\nSec-Fetch-Site: cross-site",
]


@pytest.mark.parametrize("headers", ALLOWED)
def test_programs_and_pages_of_this_machine_may_come(headers: str) -> None:
    def test(server: Server) -> None:
        assert request(server, headers, UPGRADE).status == 101
        assert request(server, headers, method="POST", path="/prod/@connections/x", body=b"x").status == 410

    serve(test, origins=["https://app.example"])


@pytest.mark.parametrize("headers", FOREIGN)
def test_other_sites_pages_may_not(headers: str) -> None:
    def test(server: Server) -> None:
        for wire in (
            request(server, headers, UPGRADE),
            request(server, headers, method="POST", path="/prod/@connections/x", body=b"x"),
        ):
            assert wire.status == 403
            assert b"\r\n\r\nForbidden: " in wire.written
            assert wire.ended

    serve(test, origins=["https://app.example"])


def test_a_mapped_domain_is_a_host_of_the_apis() -> None:
    assert serve(lambda server: request(server, "Host: ws.example.com", UPGRADE, path="/").status) == 101


# Limits and settings of frames.


def close_frame(wire: Wire) -> tuple[int, str]:
    assert wire.written[0] == 0x88
    return int.from_bytes(wire.written[2:4]), wire.written[4:].decode()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(2, b"x"), 1003),
        (frame(1, b"x" * 32_769), 1009),
        (b"".join(frame(1 if n == 0 else 0, b"x" * 32_768, fin=False) for n in range(5)), 1009),
    ],
)
def test_the_reason_of_a_refused_frame_is_a_setting(data: bytes, code: int) -> None:
    for text in ("", "because"):

        def test(server: Server, text: str = text) -> None:
            wire = opened(server)
            wire.sends(data)
            assert close_frame(wire) == (code, text)

        serve(test, settings=Settings(reason_binary=text, reason_too_large=text))


def test_compression_is_a_setting() -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate"
    for allowed in (False, True):

        def test(server: Server, allowed: bool = allowed) -> None:
            wire = request(server, UPGRADE, offer)
            assert (b"permessage-deflate" in wire.written) is allowed

        serve(test, settings=Settings(permessage_deflate=allowed))


@pytest.mark.parametrize(("unread", "cut"), [(3 * 1024 * 1024, False), (5 * 1024 * 1024, True)])
def test_a_client_that_leaves_too_much_unread_is_cut_off(unread: int, cut: bool) -> None:
    def test(server: Server) -> bool:
        wire = opened(server)
        wire.unread = unread
        wire.sends(frame(1, b"x"))
        return wire.aborted

    assert serve(test) is cut


def test_a_client_that_does_not_read_is_not_read_and_nothing_can_be_posted_to_it() -> None:
    def test(server: Server) -> list[tuple[bool, int]]:
        wire = opened(server)
        path = f"/prod/@connections/{wire.protocol.connection_id}"

        def look() -> tuple[bool, int]:
            return wire.reading, request(server, method="POST", path=path, body=b"x").status

        seen = [look()]
        wire.protocol.pause_writing()
        seen.append(look())
        wire.protocol.resume_writing()
        return [*seen, look()]

    assert serve(test) == [(True, 200), (False, 429), (True, 200)]


# Any bytes.


def chunks(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        yield data[start:end]


HEADS = [
    f"GET /prod HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}\r\n\r\n",
    "POST /prod/@connections/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "POST /prod/@connections/abc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    "GET /prod?a=b&c HTTP/1.0\r\n\r\n",
    "GET /%ff%00/@connections/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
]
mutation = st.tuples(st.integers(0, 400), st.binary(max_size=4))


cuts_ = st.lists(st.integers(0, 2000), max_size=4)


@given(st.sampled_from(HEADS), st.lists(mutation, max_size=3), st.binary(max_size=100), cuts_)
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_the_http_side(
    head: str, changes: list[tuple[int, bytes]], rest: bytes, cuts: list[int]
) -> None:
    data = bytearray(head.encode())
    for at, new in changes:
        data[at % len(data) : at % len(data) + len(new)] = new

    def test(server: Server) -> None:
        wire = Wire(server)
        for chunk in chunks(bytes(data) + rest, cuts):
            wire.sends(chunk)
        assert wire.written == b"" or wire.written.startswith(b"HTTP/1.1 ")
        wire.ends()
        assert server.idle

    serve(test)


frames = st.builds(
    frame,
    st.sampled_from([0, 1, 1, 1, 2, 3, 8, 9, 10, 15]),
    st.binary(max_size=140) | st.text(max_size=40).map(str.encode),
    fin=st.sampled_from([True, True, False]),
    rsv=st.sampled_from([0, 0, 0, 1, 7]),
    mask=st.sampled_from([True, True, True, False]),
)


@given(st.lists(frames, max_size=12), st.binary(max_size=20), cuts_, st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_frames_break_a_connection(sent: list[bytes], rest: bytes, cuts: list[int], compressed: bool) -> None:
    def test(server: Server) -> None:
        wire = opened(server, *(["Sec-WebSocket-Extensions: permessage-deflate"] if compressed else []))
        for chunk in chunks(b"".join(sent) + rest, cuts):
            wire.sends(chunk)
        wire.ends()
        assert server.idle

    serve(test, settings=Settings(permessage_deflate=compressed), limits=Limits(message=200, frame=128))


@given(st.text(max_size=200))
@settings(deadline=None)
def test_any_text_is_answered(text: str) -> None:
    def test(server: Server) -> None:
        wire = opened(server)
        wire.sends(frame(1, text.encode()))
        assert wire.written == frame(1, b"reply", mask=False)

    serve(test)
