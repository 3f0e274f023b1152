"""Start a local cloud from a test: `with running(tmp_path, "--template", "app.yaml") as cloud: …`.

The cloud is a process of its own, as a person starts it. The helpers wait for what it says instead of sleeping, and
fail with AssertionError after a minute.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 60.0  # seconds; only a failing test waits that long


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of `condition`; fails when it stays false."""
    end = time.monotonic() + PATIENCE
    while True:
        if value := condition():
            return value
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


@dataclass
class Running:
    """A local cloud in a process of its own."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    lines: list[str]

    @property
    def url(self) -> str:
        return str(self.ready["apis"][0]["url"])

    @property
    def management(self) -> str:
        return str(self.ready["apis"][0]["management"])

    @property
    def aws(self) -> str:
        return str(self.ready["endpoints"]["aws"])

    def printed(self, text: str) -> str:
        """The first printed line that holds `text`, once there is one."""
        line = eventually(lambda: next((line for line in self.lines if text in line), None), f"a line with {text!r}")
        return str(line)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Signal it, and give its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(folder: Path, *arguments: str, cwd: Path | None = None, **environment: str) -> Iterator[Running]:
    """Run `localcloud` with these arguments on free ports until the block ends; `folder` takes its ready file.

    It runs in the folder `cwd`, by default the current one, with `environment` added to this process's own. The block's
    end fails when the cloud has printed a traceback.
    """
    ready_file = folder / "ready.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "localcloud", "--port", "0", "--ready-file", str(ready_file), *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    assert process.stdout is not None
    output = process.stdout

    def read() -> None:
        for line in output:
            lines.append(line.rstrip())  # noqa: PERF401 - one at a time, since tests wait for them

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        eventually(lambda: ready_file.exists() or process.poll() is not None, "ready, or the end")
        assert process.poll() is None, "\n".join(lines)
        yield Running(process, json.loads(ready_file.read_text()), lines)
    finally:
        terminate(process)
        reader.join()
        output.close()
    unexpected = ("Traceback", "Exception in", "Fatal error", "Task exception")
    assert [line for line in lines if line.startswith(unexpected)] == [], "\n".join(lines)


def terminate(process: subprocess.Popen[str]) -> None:
    """Have it end as by a signal from outside, so that it takes its scratch folders along; fails when it does not."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def children(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [tuple(map(int, line.split())) for line in listing.splitlines()]
    direct = [child for child, parent in parents if parent == pid]
    return direct + [grandchild for child in direct for grandchild in children(child)]


def alive(pids: list[int]) -> list[int]:
    """Those that still run; a zombie nobody has reaped yet does not."""

    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    return [pid for pid in pids if runs(pid)]
