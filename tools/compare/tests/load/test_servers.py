"""Which processes of a local cloud serve users, and which of those is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from compare.load.servers import Killer, is_emulator
from localcloud.testing import eventually

PROMETHEUS = {"program": "/usr/bin/prometheus", "command": ["--config.file=/tmp/x/prometheus.json"]}
IDLE = "import sys; sys.stdin.read()"
BUSY = "import select, sys\nwhile not select.select([sys.stdin], [], [], 0.0)[0]: sum(range(1000))"


@pytest.fixture
def tree() -> Iterator[psutil.Process]:
    """A server with a busy process, an idle one, and an emulator of AWS that is as busy."""
    codes = [(IDLE, "idle"), (BUSY, "busy"), (BUSY, "localcloud.aws.server")]
    code = (
        f"import subprocess, sys\nstarted = [subprocess.Popen([sys.executable, '-c', *one], stdin=subprocess.PIPE)"
        f" for one in {codes!r}]\nsys.stdin.read()\nfor one in started: one.kill(); one.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        root = psutil.Process(process.pid)
        eventually(lambda: len(root.children()) == 3, "three processes")
        yield root
        process.communicate()


def test_it_is_the_busiest_that_serves(tree: psutil.Process) -> None:
    busy, emulator = (one for one in tree.children() if one.cmdline()[-1] in {"busy", "localcloud.aws.server"})
    eventually(lambda: "-c" in busy.cmdline() and "-c" in emulator.cmdline(), "their own command lines")
    killer = Killer(tree.pid)
    used = busy.cpu_times().user
    eventually(lambda: busy.cpu_times().user > used + 0.03, "some work")
    assert killer.kill()
    eventually(lambda: busy.status() == psutil.STATUS_ZOMBIE, "its end")
    assert emulator.status() != psutil.STATUS_ZOMBIE


def test_without_a_server_nothing_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert not Killer(gone.pid).kill()


@pytest.mark.parametrize(
    ("command", "emulator"),
    [
        (["python", "-m", "localcloud.aws.server"], True),
        (["python", "-I", "bootstrap.py", json.dumps(PROMETHEUS)], True),
        (["/usr/bin/prometheus", "--config.file=/tmp/x/prometheus.json"], True),
        (["python", "-I", "bootstrap.py", json.dumps({"command": ["-m", "pods.sockets"]})], False),
        (["redis-server", "127.0.0.2:6379"], False),
    ],
)
def test_what_stands_for_aws_and_what_watches_is_not_the_backend(command: list[str], emulator: bool) -> None:
    assert is_emulator(command) is emulator
