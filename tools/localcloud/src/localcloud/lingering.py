"""The last response of a connection, and what it takes for that to arrive."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.gateway.effects import HttpResponse
    from localcloud.sockets import Service

_SECONDS = 2.0


class Lingering(asyncio.Protocol):
    """A TCP connection that gets its last response: what the client still sends is thrown away until it closes.

    Closing at once would reset the connection when something unread is there, and a reset may overtake the response:
    RFC 9112, section 9.6. A client that goes on for more than 2 s is cut off.
    """

    def __init__(self, service: Service, transport: asyncio.Transport, response: HttpResponse) -> None:
        self._service = service
        self._transport = transport
        self._end = asyncio.get_running_loop().call_later(_SECONDS, transport.close)
        service.joined(self)
        transport.set_protocol(self)
        if not transport.is_reading():
            transport.resume_reading()
        write_response(transport, response, keep_alive=False)
        transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._end.cancel()
        self._service.left(self)

    def close(self) -> None:
        """The server stops."""
        self._transport.close()


def write_response(transport: asyncio.Transport, response: HttpResponse, *, keep_alive: bool) -> None:
    """Write an HTTP response, which says whether it is the last."""
    headers = [*response.headers, ("Content-Length", str(len(response.body)))]
    if not keep_alive:
        headers.append(("Connection", "close"))
    status = f"HTTP/1.1 {response.status} {_phrase(response.status)}"
    lines = [status, *(f"{name}: {value}" for name, value in headers), "", ""]
    transport.write("\r\n".join(lines).encode("latin-1") + response.body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "-"
