"""One execution environment: a process that runs a function's handler, one event at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from local.functions.runtime_api import Invocation, RuntimeConnection

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_LINE_LIMIT = 256 * 1024  # what CloudWatch Logs takes as one event
_LAST_WORDS_SECONDS = 0.5  # for what is still in the pipe when a process has ended


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


class Worker(asyncio.SubprocessProtocol):
    """A worker process and its Runtime API."""

    def __init__(self, owner: Owner) -> None:
        self.invocation: Invocation | None = None
        self.exited = asyncio.get_running_loop().create_future()
        self._owner = owner
        self._reason: str | None = None
        self._started = False
        self._waiting: RuntimeConnection | None = None
        self._partial = b""

    async def start(self, environment: Mapping[str, str], config: Mapping[str, object]) -> None:
        """Start the process; `config` is what bootstrap.py takes."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: RuntimeConnection(self), "127.0.0.1", 0)
        address = self._server.sockets[0].getsockname()
        try:
            await loop.subprocess_exec(
                lambda: self,
                *(sys.executable, "-I", "-S", "-B", str(_BOOTSTRAP)),
                json.dumps(config),
                env={**environment, "AWS_LAMBDA_RUNTIME_API": f"{address[0]}:{address[1]}"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for us alone; we stop the workers
            )
        except BaseException:
            self._server.close()
            raise

    @property
    def pid(self) -> int | None:
        """The process's id, once there is one."""
        return self._process.get_pid() if self._started else None

    def invoke(self, invocation: Invocation) -> None:
        """Hand an event to the waiting worker."""
        assert self._waiting is not None  # noqa: S101 - only called when it is ready
        connection, self._waiting, self.invocation = self._waiting, None, invocation
        connection.deliver(invocation)

    def kill(self, reason: str) -> None:
        """End the process at once; `worker_exited` follows with this reason."""
        if self._started and not self.exited.done():
            self._reason = self._reason or reason
            self._kill_group()

    def _kill_group(self) -> None:
        """Whatever the handler started goes too, as an environment on Lambda goes as a whole."""
        with suppress(ProcessLookupError):  # it may have exited, with its pipes still open
            os.killpg(self._process.get_pid(), signal.SIGKILL)

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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._process = cast("asyncio.SubprocessTransport", transport)
        self._started = True

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > _LINE_LIMIT:
            lines.append(self._partial)
            self._partial = b""
        for line in lines:
            # The runtime client writes a stack trace as one line, with carriage returns in it.
            for part in line.decode(errors="replace").rstrip("\r").split("\r"):
                self._owner.worker_printed(part)

    def process_exited(self) -> None:
        self._kill_group()
        asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, self._process.close)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._partial:
            self._owner.worker_printed(self._partial.decode(errors="replace"))
        code = self._process.get_returncode() or 0
        died = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self._process.close()
        self._server.close()
        self.exited.set_result(None)
        self._owner.worker_exited(self, self._reason or f"Runtime exited: {died}")


def _error_text(error: bytes) -> str:
    """`Type: message` from the runtime client's error document, on one line."""
    try:
        document = json.loads(error)
        text = f"{document['errorType']}: {document['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        text = error.decode(errors="replace")
    return " ".join(text.split())[:1000]
