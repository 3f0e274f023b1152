"""Which process of a server is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from compare.load.servers import Killer
from tests.processes import eventually

IDLE = "import sys; sys.stdin.read()"
BUSY = "import select, sys\nwhile not select.select([sys.stdin], [], [], 0.0)[0]: sum(range(1000))"


@pytest.fixture
def tree() -> Iterator[psutil.Process]:
    """A server with a busy process, an idle one, and an emulator of AWS that is as busy."""
    codes = [(IDLE, "idle"), (BUSY, "busy"), (BUSY, "local.aws.server")]
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
    busy, emulator = (one for one in tree.children() if one.cmdline()[-1] in {"busy", "local.aws.server"})
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
