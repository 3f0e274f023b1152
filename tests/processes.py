"""Processes of tests, and waiting for what they say instead of sleeping."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0  # seconds; only a failing test waits that long


def eventually(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """The first true value of `condition`; fails when it stays false."""
    end = time.monotonic() + patience
    while True:
        if value := condition():
            return value
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


class Process:
    """One that says in a line of JSON when it is ready."""

    def __init__(
        self, *command: str, request: dict[str, Any] | None = None, environment: dict[str, str] | None = None
    ) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**own, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if request is not None:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def said(self, key: str) -> Any:
        """The value of `key` in a line of JSON, once there is one."""

        def find() -> list[Any]:
            ended = self.process.poll() is not None
            for line in list(self.lines):
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    return [json.loads(line)[key]]
            assert not ended, "\n".join(self.lines)
            return []

        return eventually(find, f"a line with {key}")[0]

    def stop(self, number: int = signal.SIGKILL) -> int:
        """Signal it, and give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        return status


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
