"""The locustfile in Locust's distributed mode, against a server of the tests'."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compare.load import scenario

from .servers import answering, echo, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
import pytest

pytestmark = pytest.mark.slow


LOCUST = [sys.executable, "-m", "locust", "-f", str(Path(scenario.__file__).with_name("locustfile.py"))]


def test_it_sends_a_scenario_from_a_worker_process(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text("kind: echo\nconnections: 3\nrate: 15\nduration: 60\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    results = tmp_path / "results"
    environment = {**os.environ, "DUPLEX_SCENARIO": str(path)}
    with serving(answering(echo)) as url:
        master = subprocess.Popen(
            [
                *(*LOCUST, "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--headless"),
                *("-u", "3", "-r", "3", "-t", "6s", "--expect-workers", "1", "-H", url, "--json-file", str(results)),
            ],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        worker = subprocess.Popen(
            [*LOCUST, "--worker", "--master-host", "127.0.0.1", "--master-port", port],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            said, _ = master.communicate(timeout=120)
            told, _ = worker.communicate(timeout=60)
        finally:
            for process in (master, worker):
                process.kill()
                process.wait()
    assert master.returncode == 0, said + told
    assert "Traceback" not in said + told, said + told
    found = {one["name"]: one for one in _rows(tmp_path)}
    assert found["connect"]["num_requests"] == 3
    assert found["echo"]["num_requests"] >= 5
    assert "error" not in found


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    yield from json.loads((folder / "results.json").read_text())
