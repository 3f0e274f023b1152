"""Small questions over HTTP: one GET, on a connection of its own."""

from __future__ import annotations

import asyncio
from contextlib import closing

from localcloud.http_client import HttpClient


async def get(host: str, port: int, target: str, seconds: float) -> tuple[int, bytes]:
    """Status and body. OSError when there is no answer in time, or one that is no HTTP, or longer than 10 MB."""
    with closing(HttpClient()) as client:
        async with asyncio.timeout(seconds):  # its TimeoutError is an OSError
            answer = await client.ask("GET", f"http://{host}:{port}{target}")
    return answer.status, answer.body
