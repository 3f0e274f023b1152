"""A client of the local AWS endpoint for the local cloud itself: small, and it can be cancelled while it waits.

botocore would wait in threads, twenty seconds at a time, which nobody can end; and this process needs no more of it
than three operations of one service.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit


class CallError(Exception):
    """AWS has refused a call."""


class Client:
    """Calls operations of a service that speaks JSON, one after the other over one connection."""

    def __init__(self, url: str, region: str, service: str, prefix: str) -> None:
        """`prefix` is what the service's X-Amz-Target headers begin with."""
        self._host = urlsplit(url).hostname or ""
        self._port = urlsplit(url).port or 0
        self._prefix = prefix
        self._head = (
            "POST / HTTP/1.1\r\n"
            f"Host: {self._host}:{self._port}\r\n"
            f"Authorization: AWS4-HMAC-SHA256 Credential=local/20000101/{region}/{service}/aws4_request, "
            "SignedHeaders=host, Signature=0\r\n"
            "Content-Type: application/x-amz-json-1.0\r\n"
        )
        self._turn = asyncio.Lock()
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The operation's result. CallError when it is refused, OSError or EOFError when there is no answer."""
        body = json.dumps(arguments).encode()
        head = f"{self._head}X-Amz-Target: {self._prefix}.{operation}\r\nContent-Length: {len(body)}\r\n\r\n"
        async with self._turn:
            try:
                reader, writer = self._connection or await self._connect()
                writer.write(head.encode() + body)
                status, answer = await _response(reader)
            except BaseException:  # an answer that nobody waited for must not meet the next question
                self.close()
                raise
        if status != 200:
            raise CallError(f"{operation}: {status} {' '.join(answer.decode(errors='replace').split())[:500]}")
        result: dict[str, Any] = json.loads(answer) if answer else {}
        return result

    def close(self) -> None:
        """End the connection; the next call opens another."""
        if self._connection is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._connection[1].close()
            self._connection = None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._connection = await asyncio.open_connection(self._host, self._port)
        return self._connection


async def _response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of an answer of our own endpoint, which always says how long it is."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split(" ")[1]), await reader.readexactly(int(headers["content-length"]))
