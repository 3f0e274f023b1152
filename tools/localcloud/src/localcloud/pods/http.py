"""Small questions over HTTP: one GET, on a connection of its own."""

from __future__ import annotations

import asyncio

_MOST_BYTES = 8 * 1024 * 1024


async def get(host: str, port: int, target: str, seconds: float) -> tuple[int, bytes]:
    """Status and body. OSError, EOFError or ValueError when there is no answer, or one that is no HTTP, or too long.

    As HTTP/1.0: the answer ends with the connection, and is in one piece.
    """
    async with asyncio.timeout(seconds):  # its TimeoutError is an OSError
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET {target} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            answer = bytearray()
            while part := await reader.read(65536):
                answer += part
                if len(answer) > _MOST_BYTES:
                    raise ValueError(f"an answer of more than {_MOST_BYTES} bytes")
        finally:
            writer.close()
    head, end, body = bytes(answer).partition(b"\r\n\r\n")
    if not end:
        raise EOFError("an answer that ends too early")
    version, status, *_ = head.split(maxsplit=2)
    if not version.startswith(b"HTTP/"):
        raise ValueError("no HTTP")
    return int(status), body
