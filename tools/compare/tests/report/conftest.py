"""One report with everything in it, and one browser, for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from compare.cost import rows
from compare.report.document import document
from compare.report.load_sizes import load_sizes

from . import measured_runs
from .chromium import CHROMIUM, Chromium, chromium

# As if a person had called a target so.
HOSTILE = '<script>console.log("x")</script><img src=http://evil.example/>'
INPUT = {
    "key": "sockets.kib",
    "value": 11.0,
    "low": 9.0,
    "high": 12.0,
    "unit": "KiB",
    "was": 24.0,
    "from": "target eks",
}


@pytest.fixture(scope="session")
def report() -> dict[str, Any]:
    """Of three runs; a target of the last has a name that is markup."""
    killed = measured_runs.run("mixed", ("lambda", HOSTILE))
    killed["scenario"]["kill_seconds"] = 2
    runs = [measured_runs.run("echo"), measured_runs.run("idle"), killed]
    when = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    return document(runs, load_sizes(), rows.shipped(), inputs=[INPUT], generated=when, grid=(25, 16))


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """Chromium, for all tests of a process."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium, as .ci/run does where it can")
    with chromium() as window:
        yield window
