"""What the benchmarks measure beside this project, and how they read a process's CPU. Linux only."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.e2e.aws import ministack_bin

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICK = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that these processes have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields) / _TICK


@contextmanager
def local_cloud(*options: str, checkout: Path | None = None) -> Iterator[tuple[str, int]]:
    """`localcloud` without the limits of an account, which are not what is measured; the URL of its first API, and
    its process id. `checkout` is another clone of the project, whose `.venv` runs it."""
    python = sys.executable if checkout is None else str(checkout / ".venv/bin/python")
    with tempfile.TemporaryDirectory() as folder:
        ready_file = Path(folder) / "ready.json"
        command = [python, "-m", "localcloud", "--port", "0", "--ready-file", str(ready_file), *options]
        for name in ("connect_rate", "account_rate", "account_burst"):
            command += ["--set", f"{name}=1000000"]
        with subprocess.Popen(command, cwd=checkout, stdout=subprocess.DEVNULL) as process:
            try:
                while not ready_file.exists():
                    if process.poll() is not None:
                        raise SystemExit("the local cloud did not start")
                    time.sleep(0.05)
                yield str(json.loads(ready_file.read_text())["apis"][0]["url"]), process.pid
            finally:
                process.terminate()


@contextmanager
def ministack() -> Iterator[tuple[int, int]]:
    """MiniStack as it comes, on a free port; gives its process id and the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    with subprocess.Popen(
        [ministack_bin() / "ministack"],
        env={**os.environ, **settings, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    if process.poll() is not None:
                        raise SystemExit(f"MiniStack ended with status {process.returncode}") from None
                    time.sleep(0.05)
            yield process.pid, port
        finally:
            workers = children(process.pid) if process.poll() is None else []
            process.terminate()
            process.wait()
            for worker in workers:
                try:
                    os.kill(worker, 9)
                except ProcessLookupError:
                    continue
