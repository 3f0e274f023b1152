"""A short version of every row of docs/reliability.md: nothing acknowledged is lost, nothing is handed on twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from client import Client
from localcloud.testing import Running, running
from tests.faults.harness import Listener, Run
from tests.faults.ledger import Ledger
from tests.faults.rows import ROWS, Row
from tests.synthesized import synthesized_once

pytestmark = pytest.mark.slow

# Few messages, and faults at least so often: each is to fire.
MESSAGES = 40
RATE = 0.2


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesized_once(tmp_path_factory, message_rate=0)


@pytest.fixture(scope="session")
def sound(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A cloud whose own faults are off: what the harness does by itself needs no other."""
    with running(tmp_path_factory.mktemp("sound"), "--assembly", str(assembly), "--concurrency", "6") as cloud:
        yield cloud


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nothing_is_lost_or_handed_on_twice(
    request: pytest.FixtureRequest, assembly: Path, tmp_path: Path, row: Row
) -> None:
    with ExitStack() as stack:
        if row.faults:
            rates = {name: max(float(rate), RATE) for name, rate in (fault.split("=") for fault in row.faults)}
            faults = [option for name, rate in rates.items() for option in ("--fault", f"{name}={rate}")]
            options = ("--assembly", str(assembly), "--concurrency", "6", *faults)
            cloud = stack.enter_context(running(tmp_path, *options))
        else:
            cloud = request.getfixturevalue("sound")
        run = Run(cloud, row, 1, MESSAGES, lambda _: None)
        asyncio.run(run.run())
    assert len(run.ledger.acknowledged) == MESSAGES
    assert run.ledger.lost == set(), run.ledger.told
    assert run.ledger.repeated == 0
    assert run.fired > 0 or row.name == "nothing fails"


def test_a_ledger_tells_what_was_lost_and_repeated() -> None:
    ledger = Ledger(sent={"a", "b", "c"}, acknowledged={"a", "b"})
    ledger.heard.update([(1, "a"), (1, "a"), (2, "a")])
    ledger.frames.update([(1, "r", 7, 1), (1, "r", 7, 1), (2, "r", 7, 1)])
    assert (ledger.delivered, ledger.lost) == ({"a"}, {"b"})
    assert (ledger.repeated, ledger.repeated_on_the_wire) == (1, 1)


class Failing(Run):
    """Its measure fails while clients wait for what it was to do."""

    async def _fail(self, listeners: list[Listener]) -> None:
        for listener in listeners:
            listener.settled.clear()
        raise AssertionError("the measure failed")


def test_a_measure_that_fails_ends_the_run(sound: Running) -> None:
    with pytest.raises(AssertionError, match="the measure failed"):
        asyncio.run(Failing(sound, Row("fails", (), ("fail",)), 1, 10_000, lambda _: None).run())


class Ending(Run):
    """It ends while two clients race for a session."""

    async def _talk(self, _sender: Client, listeners: list[Listener], _names: Any) -> None:
        while all(listener.settled.is_set() for listener in listeners):  # noqa: ASYNC110 - a measure tells nobody
            await asyncio.sleep(0)
        self.racing = next(listener for listener in listeners if not listener.settled.is_set())

    async def _drain(self) -> None:
        assert self.racing.settled.is_set()
        await self._work(self.racing.client, self._prefix)
        await super()._drain()


def test_a_race_is_over_before_the_last_messages_are_waited_for(sound: Running) -> None:
    run = Ending(sound, Row("ends", (), ("race",)), 1, 1, lambda _: None)
    asyncio.run(run.run())
    assert len(run.ledger.acknowledged) == 1
    assert run.ledger.lost == set(), run.ledger.told
