"""The store in memory does what the real one does, call by call."""

import uuid
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.dynamodb import DynamoDBStore
from backend.dynamodb_census import DynamoDBRows
from backend.ports import NotHeldError
from backend.records import Claim, Session
from tests.backend.memory import Lives, MemoryStore
from tests.backend.support import NOW, SESSION_SECONDS, TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

names = st.sampled_from(["a", "b"])
steps = st.lists(st.tuples(st.sampled_from(["create", "touch", "release", "find"]), names, names, st.integers(0, 1000)))


def outcome(store: Lives, step: str, claim: Claim, now: float) -> Any:
    """What a store answers, an error included."""
    expires_at = int(now) + SESSION_SECONDS
    try:
        match step:
            case "create":
                session = Session(claim.session_id, claim.connection_id, 1, int(now), expires_at)
                return store.create(session, now)
            case "touch":
                return store.touch(claim, expires_at, now)
            case "release":
                return store.release(claim, expires_at, now)
            case _:
                return store.find(claim.session_id, now)
    except NotHeldError as error:
        return ("not held", error.session)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_both_stores_answer_alike(client: "DynamoDBClient", steps: list[tuple[str, str, str, int]]) -> None:
    memory, real = MemoryStore(SESSION_SECONDS), DynamoDBStore(client, TABLE)
    run = uuid.uuid4().hex  # the examples share a table
    now = NOW
    for step, name, connection_id, pause in steps:
        now += pause
        claim = Claim(f"{name}{run}", connection_id)
        assert outcome(memory, step, claim, now) == outcome(real, step, claim, now)
    rows = DynamoDBRows(client, TABLE, session_seconds=SESSION_SECONDS).sample(now).rows
    assert {row for row in rows if row.member.session_id.endswith(run)} == set(memory.sample(now).rows)
