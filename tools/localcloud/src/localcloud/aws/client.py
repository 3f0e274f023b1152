"""A client of the local AWS endpoint for the local cloud itself: small, and it can be cancelled while it waits.

botocore would wait in threads, twenty seconds at a time, which nobody can end; and this process needs no more of it
than three operations of one service.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from localcloud.http_client import HttpClient


class CallError(Exception):
    """AWS has refused a call."""


class Client:
    """Calls operations of a service that speaks JSON, one after the other over one connection."""

    def __init__(self, url: str, region: str, service: str, prefix: str) -> None:
        """`prefix` is what the service's X-Amz-Target headers begin with."""
        self._url = f"{url}/"
        self._prefix = prefix
        credential = f"AWS4-HMAC-SHA256 Credential=local/20000101/{region}/{service}/aws4_request"
        self._headers = (
            ("Authorization", f"{credential}, SignedHeaders=host, Signature=0"),
            ("Content-Type", "application/x-amz-json-1.0"),
        )
        self._turn = asyncio.Lock()
        self._http = HttpClient()

    async def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The operation's result. CallError when it is refused, OSError when there is no answer."""
        headers = (*self._headers, ("X-Amz-Target", f"{self._prefix}.{operation}"))
        async with self._turn:
            answer = await self._http.ask("POST", self._url, headers, json.dumps(arguments).encode())
        if answer.status != 200:
            text = " ".join(answer.body.decode(errors="replace").split())
            raise CallError(f"{operation}: {answer.status} {text[:500]}")
        result: dict[str, Any] = json.loads(answer.body) if answer.body else {}
        return result

    def close(self) -> None:
        """End the connection."""
        with suppress(RuntimeError):  # the loop has ended
            self._http.close()
