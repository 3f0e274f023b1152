from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from backend.dynamodb import DynamoDBStore
from backend.ports import NotHeldError, UnavailableError
from backend.records import Claim, Session
from tests.backend.support import NOW, failing, items, session_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

LATER = int(NOW) + 900
SESSION = Session("s", "c", generation=1, connected_at=int(NOW), expires_at=LATER, principal="someone")
HELD = Claim("s", "c")


def test_a_session_reads_back_as_it_was_written(store: DynamoDBStore) -> None:
    assert store.create(SESSION, NOW)
    assert store.find("s", NOW) == SESSION


def test_its_item_has_a_numeric_ttl_and_no_attribute_it_does_not_need(
    client: "DynamoDBClient", store: DynamoDBStore
) -> None:
    store.create(replace(SESSION, principal=None), NOW)
    assert items(client) == [
        {
            "pk": {"S": "session#s"},
            "sk": {"S": "session"},
            "connectionId": {"S": "c"},
            "generation": {"N": "1"},
            "connectedAt": {"N": str(int(NOW))},
            "expiresAt": {"N": str(LATER)},
        }
    ]


def test_of_two_creates_one_succeeds(store: DynamoDBStore) -> None:
    assert store.create(SESSION, NOW)
    assert not store.create(replace(SESSION, connected_at=8), NOW)
    found = store.find("s", NOW)
    assert found is not None
    assert found.connected_at == int(NOW)


def test_an_expired_session_is_gone_while_dynamodb_still_shows_it(
    client: "DynamoDBClient", store: DynamoDBStore
) -> None:
    store.create(SESSION, NOW)
    assert session_item(client, "s") is not None
    assert store.find("s", LATER - 0.1) is not None
    assert store.find("s", LATER) is None
    with pytest.raises(NotHeldError) as raised:
        store.touch(HELD, LATER + 900, LATER)
    assert raised.value.session is None
    assert store.create(replace(SESSION, connected_at=8), LATER), "and is overwritten"


def test_what_somebody_else_holds_is_reported_and_left_as_it_is(store: DynamoDBStore) -> None:
    store.create(SESSION, NOW)
    for claim in (Claim("s", "other"), Claim("s", "c", generation=2)):
        with pytest.raises(NotHeldError) as raised:
            store.touch(claim, LATER + 1, NOW)
        assert raised.value.session == SESSION
    assert store.find("s", NOW) == SESSION


def test_rotating_keeps_the_hash_before(store: DynamoDBStore) -> None:
    store.create(SESSION, NOW)
    first = store.rotate(HELD, b"1", int(NOW) + 60, LATER, NOW)
    second = store.rotate(HELD, b"2", int(NOW) + 61, LATER, NOW)
    assert first.token_hash == b"1"
    assert (second.token_hash, second.previous_token_hash, second.previous_token_until) == (b"2", b"1", int(NOW) + 61)
    assert store.find("s", NOW) == second


def test_rotating_can_keep_the_hash_that_was_used_instead(store: DynamoDBStore) -> None:
    store.create(SESSION, NOW)
    store.rotate(HELD, b"1", int(NOW) + 60, LATER, NOW)
    rotated = store.rotate(HELD, b"2", int(NOW) + 60, LATER, NOW, previous=b"0")
    assert (rotated.token_hash, rotated.previous_token_hash) == (b"2", b"0")


def test_a_released_session_is_held_by_nobody(store: DynamoDBStore) -> None:
    store.create(SESSION, NOW)
    store.release(HELD, LATER + 1, NOW)
    assert store.find("s", NOW) == replace(SESSION, connection_id=None, expires_at=LATER + 1)
    with pytest.raises(NotHeldError):
        store.release(HELD, LATER + 9, NOW)


def taken_from(found: Session) -> Session:
    return replace(
        found,
        connection_id="new",
        generation=found.generation + 1,
        token_hash=b"2",
        previous_token_hash=b"1",
        previous_token_until=int(NOW) + 60,
    )


def test_a_takeover_moves_the_session_writes_a_claim_and_deletes_what_nobody_could_resume(
    client: "DynamoDBClient", store: DynamoDBStore
) -> None:
    store.create(SESSION, NOW)
    found = store.rotate(HELD, b"1", 0, LATER, NOW)
    left = replace(SESSION, id="own", connection_id="new")
    store.create(left, NOW)

    assert store.take_over(found, taken_from(found), left, NOW)

    assert store.find("s", NOW) == taken_from(found)
    assert store.find_claim("new", NOW) == Claim("s", "new", 2)
    assert store.find_claim("new", LATER) is None
    assert session_item(client, "own") is None


def test_a_takeover_keeps_a_left_session_that_has_a_token(store: DynamoDBStore) -> None:
    store.create(SESSION, NOW)
    found = store.rotate(HELD, b"1", 0, LATER, NOW)
    store.create(replace(SESSION, id="own", connection_id="new"), NOW)
    left = store.rotate(Claim("own", "new"), b"3", 0, LATER, NOW)

    assert store.take_over(found, taken_from(found), left, NOW)

    kept = store.find("own", NOW)
    assert kept is not None
    assert (kept.connection_id, kept.token_hash) == (None, b"3")


@pytest.mark.parametrize("change", ["rotated", "taken", "left gained a token", "expired"])
def test_a_takeover_changes_nothing_when_what_it_read_has_changed(
    client: "DynamoDBClient", store: DynamoDBStore, change: str
) -> None:
    store.create(SESSION, NOW)
    found = store.rotate(HELD, b"1", 0, LATER, NOW)
    left = replace(SESSION, id="own", connection_id="new")
    store.create(left, NOW)
    now = NOW
    match change:
        case "rotated":
            store.rotate(HELD, b"9", 0, LATER, NOW)
        case "taken":
            store.take_over(found, replace(taken_from(found), connection_id="third"), None, NOW)
        case "left gained a token":
            store.rotate(Claim("own", "new"), b"3", 0, LATER, NOW)
        case _:
            now = LATER
    before = items(client)

    assert not store.take_over(found, taken_from(found), left, now)

    assert items(client) == before


def test_touching_a_claim_touches_what_it_claims_too(store: DynamoDBStore) -> None:
    store.create(SESSION, NOW)
    found = store.rotate(HELD, b"1", 0, LATER, NOW)
    store.take_over(found, taken_from(found), None, NOW)
    store.touch(Claim("s", "new", 2), LATER + 5, NOW)
    session = store.find("s", NOW)
    assert session is not None
    assert session.expires_at == LATER + 5
    assert store.find_claim("new", LATER + 4) is not None


@pytest.mark.parametrize(
    ("code", "status"),
    [("ProvisionedThroughputExceededException", 400), ("ThrottlingException", 400), ("InternalServerError", 500)],
)
def test_a_throttled_or_failing_table_is_unavailable(
    client: "DynamoDBClient", store: DynamoDBStore, code: str, status: int
) -> None:
    with failing(client, code, status), pytest.raises(UnavailableError, match=code):
        store.find("s", NOW)


@pytest.mark.parametrize(
    "error", [EndpointConnectionError(endpoint_url="https://x"), ReadTimeoutError(endpoint_url="https://x")]
)
def test_a_table_out_of_reach_is_unavailable(client: "DynamoDBClient", store: DynamoDBStore, error: Exception) -> None:
    def fail(**_: object) -> None:
        raise error

    client.meta.events.register_first("before-call.dynamodb", fail)
    with pytest.raises(UnavailableError):
        store.create(SESSION, NOW)


def test_a_missing_permission_is_a_defect_and_not_unavailable(client: "DynamoDBClient", store: DynamoDBStore) -> None:
    with failing(client, "AccessDeniedException"), pytest.raises(ClientError, match="AccessDenied"):
        store.touch(HELD, LATER, NOW)
