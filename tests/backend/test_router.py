import json
from typing import TYPE_CHECKING, Any

import pytest

from backend.actions import Action, action, load
from backend.ports import UnavailableError
from backend.protocol import Reply, Request
from backend.rate_limiter import RateLimiter
from backend.records import Connection
from backend.router import Router
from backend.sessions import Sessions
from tests.backend.support import (
    NOW,
    SESSION_SECONDS,
    TOUCH_SECONDS,
    App,
    Calls,
    FakeMetrics,
    FakeOutbound,
    failing,
    items,
    session_item,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

CONNECTION = Connection("c=", NOW)
OTHER = Connection("other=", NOW)
DUE = NOW + TOUCH_SECONDS


def ask(router: Router, connection: Connection = CONNECTION, **message: Any) -> dict[str, Any]:
    text = router.message(connection, json.dumps(message), NOW)
    assert text is not None
    reply = json.loads(text)
    assert isinstance(reply, dict)
    return reply


ECHOED = [
    "",
    "hello",
    'quotes " backslashes \\ and \N{PILE OF POO}',
    '{"a": 1}',
    "  [1, 2]\n",
    '{"action":"nope"}',
    '{"action":"nope","id":null}',
    '{"action":"$connect"}',
    '{ "action" : 5 }',
    '{"action":null}',
    '{"action":["ping"]}',
    '{"action":"ping"',
    "\ud800",
    '{"action":"ping","x":' + "[" * 131_000,
]


@pytest.mark.parametrize("text", ECHOED, ids=lambda text: repr(text[:24]))
def test_what_no_route_takes_is_echoed_without_a_call(
    client: "DynamoDBClient", router: Router, metrics: FakeMetrics, text: str
) -> None:
    calls = Calls(client)
    assert router.message(CONNECTION, text, NOW) == text
    assert metrics.last() == ("$default", {"Messages": 1, "Errors": 0})
    assert calls == []
    json.dumps(text)  # and Lambda's own JSON takes it, unpaired surrogates too


@pytest.mark.parametrize("action", ["nope", "", "$default", 5, None, ["ping"], {"action": "ping"}])
def test_an_unknown_action_with_an_id_is_an_error(router: Router, metrics: FakeMetrics, action: Any) -> None:
    reply = ask(router, action=action, id="7")
    assert reply == {
        "type": "error",
        "code": "unknown-action",
        "message": f"action must be one of: {', '.join(sorted(load()))}",
        "id": "7",
    }
    assert metrics.last() == ("$default", {"Messages": 1, "Errors": 0}), "the client's mistake, not ours"


@pytest.mark.parametrize("action", ["ping", "session", "nope"])
def test_a_bad_id_is_an_error_for_every_action(router: Router, action: str) -> None:
    reply = ask(router, action=action, id={"a": 1})
    assert reply["code"] == "bad-request"
    assert reply["message"].startswith("id must be")
    assert "id" not in reply


@pytest.mark.parametrize("identifier", ["a", 0, 2**63 - 1])
def test_a_ping_gets_a_pong(router: Router, metrics: FakeMetrics, identifier: str | int) -> None:
    assert router.message(CONNECTION, '{"action":"ping"}', NOW) == '{"type":"pong"}'
    assert ask(router, action="ping", id=identifier) == {"type": "pong", "id": identifier}
    assert metrics.last() == ("ping", {"Messages": 1, "Errors": 0})


def test_a_session_reply_has_every_field(client: "DynamoDBClient", router: Router, metrics: FakeMetrics) -> None:
    reply = ask(router, action="session", id="1")
    token = reply.pop("resumeToken")
    item = session_item(client, CONNECTION.session_id)
    assert item is not None
    assert reply == {
        "type": "session",
        "id": "1",
        "sessionId": CONNECTION.session_id,
        "resumed": False,
        "inbox": {"epoch": 0, "seq": 0},
        "expiresAt": int(NOW) + SESSION_SECONDS,
    }
    assert token.startswith(f"{CONNECTION.session_id}.")
    assert metrics.last() == ("session", {"Messages": 1, "Errors": 0})


def test_a_resume_tells_the_older_connection_and_closes_it(router: Router, outbound: FakeOutbound) -> None:
    first = ask(router, action="session")
    reply = ask(router, OTHER, action="session", resume=first["resumeToken"], after=0, id=1)
    assert (reply["type"], reply["resumed"], reply["id"]) == ("session", True, 1)
    assert (reply["sessionId"], reply["inbox"]) == (first["sessionId"], first["inbox"])
    assert reply["resumeToken"] != first["resumeToken"]
    assert outbound.frames == [(CONNECTION.id, {"type": "taken-over", "sessionId": first["sessionId"]})]
    assert outbound.closed == [CONNECTION.id]
    assert ask(router, action="session")["code"] == "taken-over"


def test_resuming_what_one_holds_tells_nobody(router: Router, outbound: FakeOutbound) -> None:
    first = ask(router, action="session")
    reply = ask(router, action="session", resume=first["resumeToken"])
    assert reply["resumed"] is True
    assert (outbound.frames, outbound.closed) == ([], [])


@pytest.mark.parametrize(
    ("trouble", "closed"),
    [("gone", []), (UnavailableError("LimitExceededException"), [CONNECTION.id]), (RuntimeError("forbidden"), [])],
)
def test_an_older_connection_that_cannot_be_told_changes_nothing_for_the_new_one(
    router: Router, outbound: FakeOutbound, trouble: Exception | str, closed: list[str]
) -> None:
    token = ask(router, action="session")["resumeToken"]
    if isinstance(trouble, Exception):
        outbound.post_error = trouble
    else:
        outbound.gone.add(CONNECTION.id)
    assert ask(router, OTHER, action="session", resume=token)["resumed"] is True
    assert outbound.closed == closed


@pytest.mark.parametrize("token", ["", "nonsense", "a" * 26 + "." + "x" * 43, "a" * 4000])
def test_a_token_that_opens_nothing_is_an_error_and_the_connection_keeps_its_session(
    router: Router, token: str
) -> None:
    before = ask(router, action="session")
    reply = ask(router, action="session", resume=token, id="r")
    assert (reply["type"], reply["code"], reply["id"]) == ("error", "invalid-token", "r")
    assert ask(router, action="session")["sessionId"] == before["sessionId"]


def test_a_bad_field_is_a_bad_request_that_names_it(router: Router) -> None:
    reply = ask(router, action="session", resume=5, id="r")
    assert (reply["code"], reply["id"]) == ("bad-request", "r")
    assert "$.resume" in reply["message"]


def test_a_vanished_session_is_back_with_the_next_due_message(client: "DynamoDBClient", router: Router) -> None:
    assert router.message(CONNECTION, "hello", DUE) == "hello"
    assert session_item(client, CONNECTION.session_id) is not None


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_a_failed_touch_is_counted_and_warned_of_once_and_the_message_answered(
    client: "DynamoDBClient", router: Router, metrics: FakeMetrics, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    with failing(client, code):
        assert router.message(CONNECTION, "hello", DUE) == "hello"
        assert metrics.last() == ("$default", {"Messages": 1, "Errors": 1})
        assert router.message(OTHER, "hello", DUE) == "hello"
        assert metrics.last() == ("$default", {"Messages": 1, "Errors": 0})
    assert [record.message for record in caplog.records] == ["session not touched"]


@pytest.mark.parametrize(
    ("code", "answer"), [("ThrottlingException", "unavailable"), ("AccessDeniedException", "internal")]
)
def test_a_session_that_cannot_be_stored_is_an_error_without_a_trace(
    client: "DynamoDBClient", router: Router, metrics: FakeMetrics, code: str, answer: str
) -> None:
    with failing(client, code):
        reply = ask(router, action="session", id=1)
    assert (reply["type"], reply["code"], reply["id"]) == ("error", answer, 1)
    assert code not in reply["message"]
    assert metrics.last() == ("session", {"Messages": 1, "Errors": 1})


def test_no_token_reaches_the_log_when_a_route_fails(
    router: Router, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(sessions, "resume", fail)
    assert ask(router, action="session", resume="abc.very-secret")["code"] == "internal"
    assert "broken" in caplog.text
    assert "very-secret" not in caplog.text


def test_no_secret_reaches_the_table_or_the_log(
    client: "DynamoDBClient", router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="backend")
    tokens = [ask(router, action="session")["resumeToken"]]
    tokens.append(ask(router, OTHER, action="session", resume=tokens[0])["resumeToken"])
    kept = repr(items(client)) + caplog.text
    for token in tokens:
        assert token.partition(".")[2] not in kept


@pytest.mark.parametrize("waits", [False, True])
def test_an_action_that_waits_for_something_is_not_answered_at_once(
    app: App, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    def wave() -> Reply:
        return Reply()

    known: dict[str, Action] = {}
    monkeypatch.setattr("backend.actions._actions", known)
    monkeypatch.setattr(wave, "__module__", "backend.actions.wave")
    action(Request, waits=waits)(wave)
    router = Router(
        known,
        app,
        sessions=app.sessions,
        delivery=app.delivery,
        metrics=app.metrics,
        rate_limiter=RateLimiter(0),
    )
    assert router.parse(CONNECTION, '{"action":"wave"}', NOW).immediate is not waits
