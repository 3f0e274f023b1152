"""A process of the cloud that runs Python from given folders only, and cannot outlive the cloud."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_LINE_LIMIT = 256 * 1024  # what CloudWatch Logs takes as one event
_LAST_WORDS_SECONDS = 0.5  # for what is still in the pipe when a process has ended


class Child(asyncio.SubprocessProtocol):
    """One process with all that it starts. Those who inherit say what becomes of its lines and of its end."""

    def __init__(self) -> None:
        self.exited = asyncio.get_running_loop().create_future()
        self._started = False
        self._partial = b""

    async def spawn(self, environment: Mapping[str, str], config: Mapping[str, object]) -> None:
        """Start the process; `config` is what bootstrap.py takes. OSError when it cannot be started."""
        await asyncio.get_running_loop().subprocess_exec(
            lambda: self,
            *(sys.executable, "-I", "-S", "-B", str(_BOOTSTRAP)),
            json.dumps(config),
            env=dict(environment),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for us alone; we stop what we started
        )

    def printed(self, line: str) -> None:
        """A line on its stdout or stderr."""

    def ended(self, how: str) -> None:
        """It is gone, in a way such as `exit status 1`; `exited` is done."""

    @property
    def pid(self) -> int | None:
        """The process's id, once there is one."""
        return self._process.get_pid() if self._started else None

    @property
    def running(self) -> bool:
        """Whether it has started and not ended."""
        return self._started and not self.exited.done()

    def signal(self, number: int) -> None:
        """Signal the process alone."""
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self._process.get_pid(), number)

    def kill_group(self) -> None:
        """End it at once, and whatever it has started."""
        with suppress(ProcessLookupError):  # it may have exited, with its pipes still open
            os.killpg(self._process.get_pid(), signal.SIGKILL)

    # What the process does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._process = cast("asyncio.SubprocessTransport", transport)
        self._started = True

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > _LINE_LIMIT:
            lines.append(self._partial)
            self._partial = b""
        for line in lines:
            # Lambda's runtime client writes a stack trace as one line, with carriage returns in it.
            for part in line.decode(errors="replace").rstrip("\r").split("\r"):
                self.printed(part)

    def process_exited(self) -> None:
        self.kill_group()
        asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, self._process.close)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._partial:
            self.printed(self._partial.decode(errors="replace"))
        code = self._process.get_returncode() or 0
        self._process.close()
        self.exited.set_result(None)
        self.ended(f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}")
