"""One HTTP request with a deadline and a bound: small questions to Kubernetes' API and to pods, over asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import httptools

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_CHUNK = 65536


class FetchError(Exception):
    """No answer: unreachable, too late, too long, or not HTTP."""


class Answer(NamedTuple):
    """An answer of any status."""

    status: int
    body: bytes


class _Parsed:
    """What the parser has seen of an answer."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.complete = True


async def fetch(
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    context: ssl.SSLContext | None = None,
    seconds: float = 5.0,
    most_bytes: int = 1024 * 1024,
) -> Answer:
    """Ask on a connection of its own; the whole takes `seconds` at most. Raises FetchError."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    length = {"Content-Length": str(len(body))} if body else {}
    fields = {"Host": parts.netloc, "Connection": "close", **length, **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    request = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body
    tls = {"ssl": context} if parts.scheme == "https" else {}
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(parts.hostname, port, **tls)  # type: ignore[arg-type]
            try:
                writer.write(request)
                return await _answer(reader, most_bytes)
            finally:
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        raise FetchError(f"{parts.netloc} has not answered within {seconds:g} seconds") from None
    except OSError as error:
        raise FetchError(f"{parts.netloc} cannot be reached: {error}") from None
    except httptools.HttpParserError as error:
        raise FetchError(f"{parts.netloc} does not speak HTTP: {error}") from None


async def _answer(reader: asyncio.StreamReader, most_bytes: int) -> Answer:
    parsed, read = _Parsed(), 0
    parser = httptools.HttpResponseParser(parsed)
    while not parsed.complete:
        data = await reader.read(_CHUNK)
        read += len(data)
        if read > most_bytes:
            raise FetchError(f"an answer has more than {most_bytes} bytes")
        if not data:  # one without a length would end so; neither of those asked sends such
            raise FetchError("an answer ended too early")
        parser.feed_data(data)
    return Answer(parser.get_status_code(), bytes(parsed.body))
