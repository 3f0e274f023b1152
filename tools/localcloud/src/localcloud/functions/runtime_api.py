"""The Lambda Runtime API, 2018-06-01, as one worker process sees it.

Source: "Using the Lambda runtime API for custom runtimes", AWS Lambda Developer Guide. A worker asks for its next
invocation and is kept waiting until there is one; then it posts a response or an error. Each worker has a listening
socket of its own, so that whoever asks is known by the port.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol, cast

import httptools

_ROOT = "/2018-06-01/runtime/"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for one worker. `deadline_ms` is epoch milliseconds."""

    id: str
    function_arn: str
    payload: bytes
    deadline_ms: int
    trace_id: str


class Runtime(Protocol):
    """What a worker's calls mean to whoever owns the worker."""

    def ready(self, connection: RuntimeConnection) -> None:
        """The worker waits for its next invocation; answer with `connection.deliver` when there is one."""

    def responded(self, invocation_id: str, payload: bytes) -> None:
        """The handler returned."""

    def failed(self, invocation_id: str | None, error: bytes) -> None:
        """The handler raised, or with no id, the function could not be loaded."""


class RuntimeConnection(asyncio.Protocol):
    """One HTTP connection of a worker."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.close()

    def deliver(self, invocation: Invocation) -> None:
        """Answer the pending `next`."""
        self._respond(
            200,
            invocation.payload,
            f"Lambda-Runtime-Aws-Request-Id: {invocation.id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {invocation.deadline_ms}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {invocation.function_arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {invocation.trace_id}\r\n",
        )

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        self._url = b""
        self._body = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"expect" and value.lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        match (self._parser.get_method().decode(), *self._url.decode("latin-1").removeprefix(_ROOT).split("/")):
            case ("GET", "invocation", "next"):
                self._runtime.ready(self)
            case ("POST", "invocation", invocation_id, "response"):
                self._runtime.responded(invocation_id, b"".join(self._body))
                self._respond(202, b'{"status":"OK"}')
            case ("POST", "invocation", invocation_id, "error"):
                self._runtime.failed(invocation_id, b"".join(self._body))
                self._respond(202, b'{"status":"OK"}')
            case ("POST", "init", "error"):
                self._runtime.failed(None, b"".join(self._body))
                self._respond(202, b'{"status":"OK"}')
            case _:
                self._respond(404, b'{"errorType":"NotFound"}')

    def _respond(self, status: int, body: bytes, headers: str = "") -> None:
        if self._transport.is_closing():
            return  # the process has died, which its owner is about to hear
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode("latin-1") + body)
