"""A short version of the rows for socket pods: nothing acknowledged is lost, nothing is handed on twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from localcloud.pods import prometheus
from tests.faults.outage import OutageRun, scaled
from tests.faults.pods import POD_ROWS, PodRow, PodRun, fleet_of

pytestmark = pytest.mark.slow

MESSAGES = 60


@pytest.mark.parametrize("row", POD_ROWS, ids=lambda row: row.name)
def test_nothing_is_lost_or_handed_on_twice(row: PodRow) -> None:
    with fleet_of(row, short=True) as fleet:
        run = PodRun(fleet, row, 1, MESSAGES, lambda _: None)
        asyncio.run(run.run())
    assert len(run.ledger.acknowledged) == len(run.ledger.sent) >= MESSAGES
    assert run.ledger.lost == set()
    assert run.ledger.repeated == 0
    assert run.fired > 0


@pytest.mark.skipif(prometheus.program() is None, reason="there is no prometheus on this machine")
def test_nothing_is_lost_and_no_pod_goes_while_prometheus_is_away(tmp_path: Path) -> None:
    with scaled(tmp_path) as cloud:
        run = OutageRun(cloud, tmp_path, 1, MESSAGES, lambda _: None)
        asyncio.run(run.run())
    assert len(run.ledger.acknowledged) == len(run.ledger.sent) >= MESSAGES
    assert run.ledger.lost == set()
    assert run.ledger.repeated == 0
    assert run.fired == 1
