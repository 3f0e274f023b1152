from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from backend import tokens
from backend.dynamodb import DynamoDBStore
from backend.ports import UnavailableError
from backend.records import Claim, Connection, Session
from backend.sessions import RETRY_SECONDS, ConflictError, InvalidTokenError, LostSessionError, Sessions
from tests.backend.support import (
    NOW,
    SESSION_SECONDS,
    TOUCH_SECONDS,
    Calls,
    delete_session,
    failing,
    items,
    session_item,
    sessions_on,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

OLD = Connection("old=", NOW)
NEW = Connection("new=", NOW)
DUE = NOW + TOUCH_SECONDS


def held(store: DynamoDBStore, connection: Connection, now: float = NOW) -> Session:
    """The session that has the connection's own id."""
    session = store.find(connection.session_id, now)
    assert session is not None
    return session


# --- begin and touch --------------------------------------------------------------------------------------------------


def test_a_connect_costs_one_write(client: "DynamoDBClient", sessions: Sessions, store: DynamoDBStore) -> None:
    calls = Calls(client)
    sessions.begin(OLD, NOW)
    assert calls == ["PutItem"]
    session = held(store, OLD)
    assert session.connection_id == OLD.id
    assert session.expires_at == int(NOW) + SESSION_SECONDS


def test_a_repeated_connect_changes_nothing(client: "DynamoDBClient", sessions: Sessions) -> None:
    sessions.begin(OLD, NOW)
    before = items(client)
    sessions.begin(OLD, NOW + 1)
    assert items(client) == before


def test_a_steady_stream_touches_once_an_interval(client: "DynamoDBClient", sessions: Sessions) -> None:
    sessions.begin(OLD, NOW)
    calls = Calls(client)
    for second in range(2 * TOUCH_SECONDS):
        sessions.touch(OLD, NOW + second)
    assert calls == ["GetItem", "UpdateItem"]


def test_of_many_hosts_one_touches_and_the_others_see_that_it_has(client: "DynamoDBClient", sessions: Sessions) -> None:
    sessions.begin(OLD, NOW)
    hosts = [sessions_on(client) for _ in range(5)]
    calls = Calls(client)
    for host in hosts:
        host.touch(OLD, DUE)
        host.touch(OLD, DUE + 1)
    assert calls == ["GetItem", "UpdateItem", *["GetItem"] * 4]


def test_a_touch_is_due_an_interval_after_that_of_another_host(client: "DynamoDBClient", sessions: Sessions) -> None:
    sessions.begin(OLD, NOW)
    other = sessions_on(client)
    other.touch(OLD, DUE)
    sessions.touch(OLD, DUE + 10)
    calls = Calls(client)
    sessions.touch(OLD, DUE + TOUCH_SECONDS - 1)
    assert calls == []
    sessions.touch(OLD, DUE + TOUCH_SECONDS)
    assert calls == ["GetItem", "UpdateItem"]


def test_a_touch_keeps_the_session_for_its_whole_time(sessions: Sessions, store: DynamoDBStore) -> None:
    sessions.begin(OLD, NOW)
    sessions.touch(OLD, DUE)
    assert held(store, OLD).expires_at == int(DUE) + SESSION_SECONDS


@pytest.mark.parametrize("how", ["deleted", "expired"])
def test_a_vanished_session_is_made_again_under_the_same_id(
    client: "DynamoDBClient", sessions: Sessions, store: DynamoDBStore, how: str
) -> None:
    sessions.begin(OLD, NOW)
    now = DUE
    if how == "deleted":
        delete_session(client, OLD.session_id)
    else:
        now += SESSION_SECONDS
    sessions.touch(OLD, now)
    session = held(store, OLD, now)
    assert session.connection_id == OLD.id
    assert session.expires_at == int(now) + SESSION_SECONDS


def test_two_hosts_that_make_a_session_again_make_one(client: "DynamoDBClient", sessions: Sessions) -> None:
    other = sessions_on(client)
    sessions.touch(OLD, DUE)
    before = items(client)
    other.touch(OLD, DUE)
    assert items(client) == before


def test_a_session_made_by_another_host_in_the_meantime_is_used(
    client: "DynamoDBClient", sessions: Sessions, monkeypatch: pytest.MonkeyPatch, store: DynamoDBStore
) -> None:
    create = store.create

    def lose(session: Session, now: float) -> bool:
        assert create(replace(session, connected_at=1), now), "the other host is quicker"
        return create(session, now)

    monkeypatch.setattr(store, "create", lose)
    sessions.touch(OLD, DUE)
    assert held(store, OLD, DUE).connected_at == 1
    assert len(items(client)) == 1


def test_after_a_failed_touch_the_store_is_left_alone_for_a_while(client: "DynamoDBClient", sessions: Sessions) -> None:
    sessions.begin(OLD, NOW)
    with failing(client, "ThrottlingException"), pytest.raises(UnavailableError):
        sessions.touch(OLD, DUE)
    calls = Calls(client)
    sessions.touch(OLD, DUE + RETRY_SECONDS - 1)
    assert calls == []
    sessions.touch(OLD, DUE + RETRY_SECONDS)
    assert calls == ["GetItem", "UpdateItem"]


# --- end --------------------------------------------------------------------------------------------------------------


def test_a_session_outlives_its_connection(client: "DynamoDBClient", sessions: Sessions, store: DynamoDBStore) -> None:
    sessions.begin(OLD, NOW)
    calls = Calls(client)
    sessions.end(OLD, NOW + 10)
    assert calls == ["UpdateItem"]
    session = held(store, OLD)
    assert session.connection_id is None
    assert session.expires_at == int(NOW) + 10 + SESSION_SECONDS


def test_who_has_resumed_here_is_let_go_of_in_one_call(client: "DynamoDBClient", sessions: Sessions) -> None:
    """After a drain everybody has. Another host has to look the claim up."""
    token = sessions.issue(OLD, NOW).token
    sessions.begin(NEW, NOW)
    sessions.resume(NEW, str(token), NOW)
    elsewhere = sessions_on(client)
    calls = Calls(client)
    ended = sessions.end(NEW, NOW)
    assert ended is not None
    assert ended.id == OLD.session_id
    assert calls == ["UpdateItem"]
    assert elsewhere.end(NEW, NOW) is None
    assert calls == ["UpdateItem", "UpdateItem", "GetItem", "UpdateItem"]


def test_a_repeated_disconnect_and_one_without_a_session_change_nothing(
    client: "DynamoDBClient", sessions: Sessions
) -> None:
    sessions.begin(OLD, NOW)
    sessions.end(OLD, NOW)
    before = items(client)
    sessions.end(OLD, NOW + 10)
    sessions.end(NEW, NOW + 10)
    assert items(client) == before


def test_a_message_that_comes_after_its_disconnect_revives_nothing(
    client: "DynamoDBClient", sessions: Sessions
) -> None:
    sessions.begin(OLD, NOW)
    sessions.end(OLD, DUE)
    before = items(client)
    sessions.touch(OLD, DUE)
    with pytest.raises(LostSessionError):
        sessions.issue(OLD, DUE)
    assert items(client) == before


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_an_issued_token_is_stored_as_its_hash_only(
    client: "DynamoDBClient", sessions: Sessions, store: DynamoDBStore
) -> None:
    sessions.begin(OLD, NOW)
    issued = sessions.issue(OLD, NOW)
    assert held(store, OLD).token_hash == issued.token.digest
    assert issued.token.secret not in repr(items(client))
    assert issued.taken_from is None


def test_issuing_makes_a_vanished_session_again(sessions: Sessions, store: DynamoDBStore) -> None:
    issued = sessions.issue(OLD, NOW)
    assert held(store, OLD) == issued.session


@pytest.mark.parametrize("connected", [True, False])
def test_a_token_moves_its_session_to_the_connection_that_shows_it(
    client: "DynamoDBClient", sessions: Sessions, store: DynamoDBStore, *, connected: bool
) -> None:
    sessions.begin(OLD, NOW)
    token = sessions.issue(OLD, NOW).token
    if not connected:
        sessions.end(OLD, NOW)
    sessions.begin(NEW, NOW)

    issued = sessions.resume(NEW, str(token), NOW + 1)

    assert issued.taken_from == (OLD.id if connected else None)
    assert issued.session == held(store, OLD)
    assert (issued.session.connection_id, issued.session.generation) == (NEW.id, 2)
    assert issued.token.digest == issued.session.token_hash != token.digest
    assert session_item(client, NEW.session_id) is None, "nobody could have resumed it"


def test_a_resumed_session_is_kept_and_ended_by_its_new_connection(
    client: "DynamoDBClient", sessions: Sessions, store: DynamoDBStore
) -> None:
    token = sessions.issue(OLD, NOW).token
    sessions.begin(NEW, NOW)
    sessions.resume(NEW, str(token), NOW)
    calls = Calls(client)

    sessions.touch(NEW, DUE)
    assert calls == ["GetItem", "UpdateItem", "UpdateItem"], "what it looked like, session, claim"
    assert held(store, OLD).expires_at == int(DUE) + SESSION_SECONDS
    assert store.find_claim(NEW.id, DUE + SESSION_SECONDS - 1) is not None

    sessions.end(NEW, DUE)
    assert held(store, OLD).connection_id is None


def test_what_the_old_connection_still_does_harms_nothing(client: "DynamoDBClient", sessions: Sessions) -> None:
    sessions.begin(OLD, NOW)
    token = sessions.issue(OLD, NOW).token
    sessions.begin(NEW, NOW)
    sessions.resume(NEW, str(token), NOW)
    before = items(client)

    sessions.touch(OLD, DUE)
    with pytest.raises(LostSessionError):
        sessions.issue(OLD, DUE)
    sessions.end(OLD, DUE)
    sessions.end(OLD, DUE)

    assert items(client) == before


def test_a_resumed_session_that_vanished_is_made_again_under_its_id(
    client: "DynamoDBClient", sessions: Sessions, store: DynamoDBStore
) -> None:
    token = sessions.issue(OLD, NOW).token
    sessions.resume(NEW, str(token), NOW)
    delete_session(client, OLD.session_id)
    sessions.touch(NEW, DUE)
    session = held(store, OLD, DUE)
    assert (session.connection_id, session.generation) == (NEW.id, 2)


def test_a_taken_session_goes_back_by_the_new_token(sessions: Sessions, store: DynamoDBStore) -> None:
    token = sessions.issue(OLD, NOW).token
    token = sessions.resume(NEW, str(token), NOW).token
    issued = sessions.resume(OLD, str(token), NOW)
    assert issued.taken_from == NEW.id
    assert held(store, OLD).connection_id == OLD.id
    sessions.end(NEW, NOW)
    assert held(store, OLD).connection_id == OLD.id
    sessions.end(OLD, NOW)
    assert held(store, OLD).connection_id is None


def test_a_session_left_for_another_stays_resumable_by_its_own_token(sessions: Sessions, store: DynamoDBStore) -> None:
    left = sessions.issue(NEW, NOW).token
    sessions.resume(NEW, str(sessions.issue(OLD, NOW).token), NOW)
    third = Connection("third=", NOW)
    issued = sessions.resume(third, str(left), NOW)
    assert issued.taken_from is None, "who left it is not told, let alone closed"
    assert held(store, NEW).connection_id == third.id
    assert held(store, OLD).connection_id == NEW.id


def test_resuming_what_one_holds_rotates_the_token_and_nothing_else(
    client: "DynamoDBClient", sessions: Sessions
) -> None:
    first = sessions.issue(OLD, NOW)
    calls = Calls(client)
    again = sessions.resume(OLD, str(first.token), NOW)
    assert calls == ["GetItem", "UpdateItem"]
    assert again.taken_from is None
    assert again.session.generation == first.session.generation
    assert again.session.previous_token_hash == first.token.digest


def test_a_resumed_session_rotates_under_its_claim(sessions: Sessions) -> None:
    token = sessions.issue(OLD, NOW).token
    token = sessions.resume(NEW, str(token), NOW).token
    again = sessions.resume(NEW, str(token), NOW)
    assert (again.session.connection_id, again.session.generation) == (NEW.id, 2)
    assert sessions.issue(NEW, NOW).session.id == OLD.session_id


def test_the_last_token_stays_good_for_its_grace_in_case_the_reply_was_lost(sessions: Sessions) -> None:
    token = sessions.issue(OLD, NOW).token
    sessions.resume(NEW, str(token), NOW)
    third = Connection("third=", NOW)
    issued = sessions.resume(third, str(token), NOW + tokens.GRACE_SECONDS - 1)
    assert (issued.taken_from, issued.session.generation) == (NEW.id, 3)
    assert issued.session.previous_token_hash == token.digest


def test_a_token_stays_good_through_replies_lost_again_and_again(sessions: Sessions) -> None:
    token = sessions.issue(OLD, NOW).token
    for connection in (NEW, NEW, NEW, OLD, OLD):
        assert sessions.resume(connection, str(token), NOW).session.id == OLD.session_id


def wrong_secret(token: tokens.Token) -> str:
    return str(token._replace(secret=tokens.issue("").secret))


@pytest.mark.parametrize(
    ("text_of", "now"),
    [
        (lambda _: "", NOW),
        (lambda _: "nonsense", NOW),
        (lambda _: "\ud800.\ud800", NOW),
        (lambda _: "x" * 100_000 + ".y", NOW),
        (lambda token: str(token._replace(session_id="a" * 26)), NOW),
        (wrong_secret, NOW),
        (str, NOW + SESSION_SECONDS),
    ],
    ids=["empty", "shapeless", "surrogates", "huge", "unknown", "wrong", "expired"],
)
def test_a_token_that_opens_nothing_changes_nothing(
    client: "DynamoDBClient", sessions: Sessions, text_of: Callable[[tokens.Token], str], now: float
) -> None:
    token = sessions.issue(OLD, NOW).token
    sessions.begin(NEW, NOW)
    before = items(client)
    with pytest.raises(InvalidTokenError):
        sessions.resume(NEW, text_of(token), now)
    assert items(client) == before


def test_a_used_token_is_invalid_after_its_grace(sessions: Sessions) -> None:
    token = sessions.issue(OLD, NOW).token
    sessions.resume(NEW, str(token), NOW)
    with pytest.raises(InvalidTokenError):
        sessions.resume(OLD, str(token), NOW + tokens.GRACE_SECONDS)


@pytest.mark.parametrize(
    ("owner", "other", "opens"),
    [("a", "a", True), ("a", "b", False), ("a", None, False), (None, None, True), (None, "b", True)],
)
def test_a_token_belongs_to_the_principal_of_its_session(
    sessions: Sessions, owner: str | None, other: str | None, *, opens: bool
) -> None:
    token = sessions.issue(OLD._replace(principal=owner), NOW).token
    newcomer = NEW._replace(principal=other)
    if opens:
        assert sessions.resume(newcomer, str(token), NOW).session.id == OLD.session_id
    else:
        with pytest.raises(InvalidTokenError):
            sessions.resume(newcomer, str(token), NOW)


# --- races ------------------------------------------------------------------------------------------------------------


def test_two_racing_resumes_follow_one_another(
    client: "DynamoDBClient", sessions: Sessions, store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sessions.issue(OLD, NOW).token
    third = Connection("third=", NOW)
    take_over = store.take_over
    rivals = [lambda: sessions_on(client).resume(third, str(token), NOW)]

    def race(found: Session, taken: Session, left: Session | None, now: float) -> bool:
        if rivals:
            assert rivals.pop()().taken_from == OLD.id
        return take_over(found, taken, left, now)

    monkeypatch.setattr(store, "take_over", race)
    issued = sessions.resume(NEW, str(token), NOW)

    assert issued.taken_from == third.id, "the one that was first is told by the one that was last"
    assert (issued.session.connection_id, issued.session.generation) == (NEW.id, 3)
    assert issued.session == held(store, OLD)


def test_a_race_lost_again_and_again_is_a_conflict(
    sessions: Sessions, store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sessions.issue(OLD, NOW).token
    before = held(store, OLD)
    monkeypatch.setattr(store, "take_over", lambda *_: False)
    with pytest.raises(ConflictError):
        sessions.resume(NEW, str(token), NOW)
    assert held(store, OLD) == before


def test_one_connection_that_resumes_twice_at_once_gets_the_session_once(
    client: "DynamoDBClient", sessions: Sessions, store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sessions.issue(OLD, NOW).token
    find = store.find
    rivals = [lambda: sessions_on(client).resume(NEW, str(token), NOW)]

    def race(session_id: str, now: float) -> Session | None:
        found = find(session_id, now)
        if rivals:
            rivals.pop()()
        return found

    monkeypatch.setattr(store, "find", race)
    issued = sessions.resume(NEW, str(token), NOW)
    assert issued.taken_from is None
    assert (issued.session.connection_id, issued.session.generation) == (NEW.id, 2)


def test_a_claim_that_was_replaced_meanwhile_is_not_touched(sessions: Sessions, store: DynamoDBStore) -> None:
    first = sessions.issue(OLD, NOW)
    issued = sessions.resume(NEW, str(first.token), NOW)
    stale = Claim(OLD.session_id, NEW.id, 2)
    third = Connection("third=", NOW)
    sessions.resume(NEW, str(sessions.issue(third, NOW).token), NOW)
    assert issued.session.generation == stale.generation
    assert store.find_claim(NEW.id, NOW) == Claim(third.session_id, NEW.id, 2)


def test_a_late_resume_of_a_connection_that_was_given_up_changes_nothing(
    client: "DynamoDBClient", sessions: Sessions
) -> None:
    """It was on its way when its client gave up, came back on a younger connection, and resumed with the same token."""
    first, given_up, younger = (
        Connection(name, NOW + at) for at, name in enumerate(("first=", "given-up=", "younger="))
    )
    sessions.begin(first, NOW)
    token = str(sessions.issue(first, NOW).token)
    resumed = sessions.resume(younger, token, NOW + 3)
    before = items(client)
    for now in (NOW + 3, NOW + 4):
        with pytest.raises(InvalidTokenError):
            sessions.resume(given_up, token, now)
        assert items(client) == before
        sessions.end(younger, NOW + 4)
        before = items(client)
    youngest = Connection("youngest=", NOW + 5)
    assert sessions.resume(youngest, str(resumed.token), NOW + 5).session.connection_id == youngest.id


def test_the_token_before_is_good_for_a_younger_connection(sessions: Sessions) -> None:
    """Its client has not got the reply that had the new one."""
    sessions.begin(OLD, NOW)
    token = str(sessions.issue(OLD, NOW).token)
    sessions.resume(Connection("lost=", NOW + 1), token, NOW + 1)
    again = Connection("again=", NOW + 2)
    assert sessions.resume(again, token, NOW + 2).session.connection_id == again.id
