"""One execution environment: a process that runs a function's handler, one event at a time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Protocol

from localcloud.child import Child
from localcloud.functions.runtime_api import Invocation, RuntimeConnection

if TYPE_CHECKING:
    from collections.abc import Mapping


class Owner(Protocol):
    """Whoever gives a worker its work. Each call names the worker."""

    def worker_ready(self, worker: Worker) -> None:
        """It waits for an invocation."""

    def worker_responded(self, worker: Worker, payload: bytes) -> None:
        """Its handler returned."""

    def worker_failed(self, worker: Worker, error: bytes) -> None:
        """Its handler raised; the process lives on. `error` is the runtime client's document."""

    def worker_printed(self, line: str) -> None:
        """A line on its stdout or stderr."""

    def worker_exited(self, worker: Worker, reason: str) -> None:
        """The process ended: the handler could not be loaded, it died, or it was stopped."""


class Worker(Child):
    """A worker process and its Runtime API."""

    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self.invocation: Invocation | None = None
        self._owner = owner
        self._reason: str | None = None
        self._waiting: RuntimeConnection | None = None

    async def start(self, environment: Mapping[str, str], config: Mapping[str, object]) -> None:
        """Start the process; `config` is what bootstrap.py takes."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: RuntimeConnection(self), "127.0.0.1", 0)
        address = self._server.sockets[0].getsockname()
        try:
            await self.spawn({**environment, "AWS_LAMBDA_RUNTIME_API": f"{address[0]}:{address[1]}"}, config)
        except BaseException:
            self._server.close()
            raise

    def invoke(self, invocation: Invocation) -> None:
        """Hand an event to the waiting worker."""
        assert self._waiting is not None  # noqa: S101 - only called when it is ready
        connection, self._waiting, self.invocation = self._waiting, None, invocation
        connection.deliver(invocation)

    def kill(self, reason: str) -> None:
        """End the process at once; `worker_exited` follows with this reason. What the handler started goes too, as an
        environment on Lambda goes as a whole."""
        if self.running:
            self._reason = self._reason or reason
            self.kill_group()

    # What its Runtime API hears.

    def ready(self, connection: RuntimeConnection) -> None:
        self._waiting = connection
        self._owner.worker_ready(self)

    def responded(self, invocation_id: str, payload: bytes) -> None:
        if self.invocation is not None and self.invocation.id == invocation_id:
            self._owner.worker_responded(self, payload)

    def failed(self, invocation_id: str | None, error: bytes) -> None:
        if invocation_id is None:
            self._reason = _error_text(error)
        elif self.invocation is not None and self.invocation.id == invocation_id:
            self._owner.worker_failed(self, error)

    # What its process does.

    def printed(self, line: str) -> None:
        self._owner.worker_printed(line)

    def ended(self, how: str) -> None:
        self._server.close()
        self._owner.worker_exited(self, self._reason or f"Runtime exited: {how}")


def _error_text(error: bytes) -> str:
    """`Type: message` from the runtime client's error document, on one line."""
    try:
        document = json.loads(error)
        text = f"{document['errorType']}: {document['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        text = error.decode(errors="replace")
    return " ".join(text.split())[:1000]
