import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from backend.census import FRESH_SECONDS, Census, Row, Sample
from backend.dynamodb_census import DynamoDBRows
from backend.dynamodb_rooms import DynamoDBMembers
from backend.ports import UnavailableError
from backend.presence import Presence
from backend.records import Connection, Member
from backend.sessions import Sessions
from tests.backend.memory import MemoryStore
from tests.backend.support import NOW, SESSION_SECONDS, TABLE, TOUCH_SECONDS, Calls, FakeMetrics, FakeOutbound, Released

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@dataclass
class FixedRows:
    """A Rows port that has been told."""

    seen: Sequence[float]
    share: float = 1.0

    def sample(self, now: float) -> Sample:
        """One row a time."""
        rows = [Row(Member(f"s{number}", f"c{number}"), now - ago) for number, ago in enumerate(self.seen)]
        return Sample(rows, self.share)


def count(rows: FixedRows, gone: set[str], probes: int = 1000) -> tuple[dict[str, float], list[Member]]:
    metrics, presence = FakeMetrics(), Released()
    Census(rows, presence, FakeOutbound(gone=gone), metrics, probes=probes).run(NOW)  # type: ignore[arg-type]
    return metrics.gauges[0], presence.released


def test_rows_are_counted_and_those_whose_connection_is_gone_are_let_go_of() -> None:
    stale, fresh = FRESH_SECONDS, FRESH_SECONDS - 1
    values, gone = count(FixedRows([stale, stale, fresh, fresh]), {"c1", "c3"})
    assert values == {"ActiveConnections": 3, "Gone": 1}
    assert gone == [Member("s1", "c1")], "what was just touched is not asked for"


def test_of_many_a_sample_stands_for_the_rest() -> None:
    random.seed(1)
    values, gone = count(FixedRows([100] * 1000), {f"c{number}" for number in range(500)}, probes=100)
    assert values["Gone"] == len(gone)
    assert values["ActiveConnections"] == 1000 - 10 * len(gone)
    assert 35 <= len(gone) <= 65


def test_a_part_of_the_table_stands_for_all_of_it() -> None:
    assert count(FixedRows([100] * 10, share=1 / 4), {"c0"})[0]["ActiveConnections"] == 36


def test_no_rows_are_no_connections() -> None:
    assert count(FixedRows([]), set())[0] == {"ActiveConnections": 0, "Gone": 0}


def test_who_cannot_be_asked_for_counts_as_those_who_could(caplog: pytest.LogCaptureFixture) -> None:
    class Throttled(FakeOutbound):
        def exists(self, connection_id: str) -> bool:
            if int(connection_id[1:]) % 2:
                raise UnavailableError("LimitExceededException")
            return int(connection_id[1:]) % 4 != 0

    metrics = FakeMetrics()
    Census(FixedRows([100] * 40), Released(), Throttled(), metrics).run(NOW)  # type: ignore[arg-type]
    assert metrics.gauges == [{"ActiveConnections": 20, "Gone": 10}]
    assert "connections not probed" in caplog.text


def test_a_gone_connection_leaves_its_rooms(client: "DynamoDBClient", sessions: Sessions) -> None:
    members = DynamoDBMembers(client, TABLE)
    outbound = FakeOutbound(gone={"c="})
    presence = Presence(sessions, members)
    connection = Connection("c=", NOW)
    sessions.begin(connection, NOW)
    presence.enter("r", sessions.enter(connection, "r", NOW), connection, NOW)
    rows = DynamoDBRows(client, TABLE, session_seconds=SESSION_SECONDS)
    metrics = FakeMetrics()
    census = Census(rows, presence, outbound, metrics)
    census.run(NOW + FRESH_SECONDS + 1)
    census.run(NOW + FRESH_SECONDS + 1)
    assert metrics.gauges == [{"ActiveConnections": 0, "Gone": 1}, {"ActiveConnections": 0, "Gone": 0}]
    assert members.of("r", NOW) == []


# --- reading ----------------------------------------------------------------------------------------------------------


def fill(client: "DynamoDBClient", count: int, size: int = 1) -> None:
    for number in range(count):
        client.put_item(
            TableName=TABLE,
            Item={
                "pk": {"S": f"session#s{number}"},
                "sk": {"S": "session"},
                "connectionId": {"S": f"c{number}"},
                "expiresAt": {"N": str(int(NOW) + SESSION_SECONDS)},
                "padding": {"S": "x" * size},
            },
        )


def test_a_small_table_is_read_whole_in_one_call(client: "DynamoDBClient", sessions: Sessions) -> None:
    fill(client, 50)
    ended = Connection("ended=", NOW)
    sessions.begin(ended, NOW)
    sessions.end(ended, NOW)
    calls = Calls(client)
    rows = DynamoDBRows(client, TABLE, session_seconds=SESSION_SECONDS)
    sample = rows.sample(NOW)
    assert {row.member for row in sample.rows} == {Member(f"s{number}", f"c{number}") for number in range(50)}
    assert {row.seen for row in sample.rows} == {int(NOW)}
    assert sample.share == 1
    assert calls == ["Scan"]
    assert rows.sample(NOW + SESSION_SECONDS).rows == [], "expired"


def test_of_a_large_table_a_part_is_read_that_stands_for_it(client: "DynamoDBClient") -> None:
    fill(client, 100, size=100_000)  # ten pages
    rows = DynamoDBRows(client, TABLE, session_seconds=SESSION_SECONDS, pages=4)
    assert rows.sample(NOW).share == 1 / 16
    random.seed(1)
    calls = Calls(client)
    estimates = [len(sample.rows) / sample.share for sample in (rows.sample(NOW) for _ in range(16))]
    assert len(calls) <= 16 * 4
    assert 60 < sum(estimates) / 16 < 140


def test_a_table_that_has_shrunk_is_read_whole_again(client: "DynamoDBClient") -> None:
    fill(client, 10)
    rows = DynamoDBRows(client, TABLE, session_seconds=SESSION_SECONDS)
    rows._parts = 16
    assert [rows.sample(NOW).share for _ in range(6)] == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 1]


# --- in virtual time --------------------------------------------------------------------------------------------------

MINUTES = 60
MEAN_LIFE = 600.0
POPULATION = 2000
LOST = 0.1


class Simulation:
    """The application's own code over a store in memory, and a clock of its own.

    Connections come and go; one disconnect in ten is lost. Who is not silent sends about once a minute, and who is
    silent for ten minutes is closed, as API Gateway does.
    """

    def __init__(self, seed: int, silent: float) -> None:
        self.rng = random.Random(seed)
        self.silent = silent
        self.now = NOW
        self.alive: dict[int, Connection] = {}
        self.lost = self.number = 0
        store = MemoryStore(SESSION_SECONDS)
        self.outbound, self.metrics = FakeOutbound(), FakeMetrics()
        self.sessions = Sessions(
            store,  # type: ignore[arg-type] # all that is called of it
            session_seconds=SESSION_SECONDS,
            touch_seconds=TOUCH_SECONDS,
        )
        self.presence = Presence(self.sessions, None)  # type: ignore[arg-type] # nobody joins a room
        self.census = Census(store, self.presence, self.outbound, self.metrics)
        self.events: list[tuple[float, int, str]] = []

    def later(self, mean: float, who: int, what: str, most: float = float("inf")) -> None:
        heapq.heappush(self.events, (self.now + min(self.rng.expovariate(1 / mean), most), who, what))

    def minutes(self) -> Iterator[tuple[int, float]]:
        """How many there are, and how many were published, minute by minute."""
        self.later(1, 0, "arrive")
        for minute in range(1, MINUTES + 1):
            while self.events[0][0] <= NOW + 60 * minute:
                self.now, who, what = heapq.heappop(self.events)
                getattr(self, what)(who)
            self.now = NOW + 60 * minute
            self.census.run(self.now)
            yield len(self.alive), self.metrics.gauges[-1]["ActiveConnections"]

    def arrive(self, _: int) -> None:
        self.number += 1
        connection = self.alive[self.number] = Connection(f"{self.number}=", self.now)
        self.sessions.begin(connection, self.now)
        silent = self.rng.random() < self.silent
        self.later(MEAN_LIFE, self.number, "leave", most=600 if silent else float("inf"))
        if not silent:
            self.later(60, self.number, "send")
        self.later(MEAN_LIFE / POPULATION, 0, "arrive")

    def send(self, who: int) -> None:
        if who in self.alive:
            self.sessions.touch(self.alive[who], self.now)
            self.later(60, who, "send")

    def leave(self, who: int) -> None:
        connection = self.alive.pop(who)
        self.outbound.gone.add(connection.id)
        if self.rng.random() < LOST:
            self.lost += 1
        else:
            self.presence.ended(connection, self.now)


@pytest.mark.parametrize(("seed", "silent"), [(1, 0), (2, 0), (3, 0.5)])
def test_the_count_is_right_in_spite_of_lost_disconnects(
    monkeypatch: pytest.MonkeyPatch, seed: int, silent: float
) -> None:
    """2,000 connections of ten minutes' mean life: never off by more than 3 %, or 10, once they are there."""
    simulation = Simulation(seed, silent)
    random.seed(seed)
    monkeypatch.setattr("backend.presence.time.time", lambda: simulation.now)
    minutes = list(simulation.minutes())[20:]
    assert len(minutes) == MINUTES - 20
    assert all(abs(published - true) <= max(0.03 * true, 10) for true, published in minutes), minutes
    assert min(true for true, _ in minutes) > (1000 if silent else 1600)
    assert simulation.lost > 700


def test_without_probes_it_would_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(1, 0)
    simulation.census = Census(
        simulation.census._rows, simulation.presence, simulation.outbound, simulation.metrics, probes=0
    )
    monkeypatch.setattr("backend.presence.time.time", lambda: simulation.now)
    minutes = list(simulation.minutes())[20:]
    assert all(published > 1.03 * true for true, published in minutes)
