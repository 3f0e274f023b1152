"""Rooms, inboxes and work, as clients meet them: messages in, replies and frames out."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from backend.delivery import BATCH
from backend.dynamodb_rooms import DynamoDBMembers
from backend.ports import UnavailableError
from backend.presence import MEMBER_SECONDS
from backend.protocol import MAX_DATA
from backend.records import Connection, Member
from backend.work import Worker
from tests.backend.support import (
    HISTORY_MESSAGES,
    INLINE,
    MAX_MEMBERS,
    MAX_ROOMS,
    NOW,
    SESSION_SECONDS,
    TABLE,
    App,
    Calls,
    FakeMetrics,
    FakeOutbound,
    FakeQueue,
    delete_session,
    failing,
    items,
    session_item,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

EPOCH = int(NOW * 1000)
ANN, BOB, EVE = (Connection(f"{name}=", NOW) for name in ("ann", "bob", "eve"))


def message(seq: int, data: Any = None, sender: Connection = ANN, room: str | None = "r") -> dict[str, Any]:
    frame = {"type": "message", "room": room, "epoch": EPOCH, "seq": seq, "from": sender.session_id, "data": data}
    return {name: value for name, value in frame.items() if name != "room" or room is not None}


def opened(app: App, *connections: Connection) -> None:
    for connection in connections:
        app.sessions.begin(connection, NOW)


# --- rooms ------------------------------------------------------------------------------------------------------------


def test_a_published_message_is_accepted_and_reaches_every_member(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN, BOB, EVE)
    for member in (ANN, BOB):
        reply = app.ask(member, action="join", room="r", id="j")
        assert reply == {"type": "joined", "id": "j", "room": "r", "epoch": 0, "seq": 0, "recovered": True}
    reply = app.ask(ANN, action="publish", room="r", data={"a": [1, None]}, id=1)
    assert reply == {"type": "accepted", "id": 1, "room": "r", "seq": 1}
    frame = message(1, {"a": [1, None]})
    assert outbound.to(ANN) == outbound.to(BOB) == [frame]
    assert outbound.to(EVE) == []


def test_who_publishes_need_not_be_a_member(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN, BOB)
    app.ask(BOB, action="join", room="r")
    assert app.ask(ANN, action="publish", room="r", data=0) == {"type": "accepted", "room": "r", "seq": 1}
    assert outbound.frames == [(BOB.id, message(1, 0))]


def test_data_is_passed_on_byte_for_byte(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN)
    app.ask(ANN, action="join", room="r")
    app.router.message(ANN, '{"action":"publish","room":"r","data":{"b":1.50, "a":"\\u00e9","b":1e400}}', NOW)
    assert b'"data":{"b":1.50, "a":"\\u00e9","b":1e400}' in outbound.posted[0]


def test_a_retry_gets_the_seq_of_its_first_attempt(app: App) -> None:
    opened(app, ANN)
    first = app.ask(ANN, action="publish", room="r", data=1, id="a")
    app.ask(ANN, action="publish", room="r", data=2, id="b")
    assert app.ask(ANN, action="publish", room="r", data=1, id="a") == first


def test_a_join_that_was_answered_receives_the_next_publish_on_every_host(
    client: "DynamoDBClient", app: App, outbound: FakeOutbound, queue: FakeQueue, metrics: FakeMetrics
) -> None:
    opened(app, ANN, BOB)
    other = App(client, outbound, queue, metrics)
    app.ask(ANN, action="publish", room="r", data=0)
    seq = other.ask(BOB, action="join", room="r")["seq"]
    app.ask(ANN, action="publish", room="r", data=1)
    assert [frame["seq"] for frame in outbound.to(BOB)] == [seq + 1]


def test_what_was_missed_follows_the_reply_to_a_join(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN, BOB)
    for number in range(1, 4):
        app.ask(ANN, action="publish", room="r", data=number)
    assert app.ask(BOB, action="join", room="r", epoch=EPOCH, after=1, id=5) is None, "the reply went out by itself"
    joined = {"type": "joined", "id": 5, "room": "r", "epoch": EPOCH, "seq": 3, "recovered": True, "after": 1}
    assert outbound.to(BOB) == [joined, message(2, 2), message(3, 3)]


def test_a_history_that_is_too_short_says_so(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN, BOB)
    for number in range(HISTORY_MESSAGES + 1):
        app.ask(ANN, action="publish", room="r", data=number)
    app.ask(BOB, action="join", room="r", epoch=EPOCH, after=0)
    joined, *messages = outbound.to(BOB)
    assert (joined["recovered"], joined["after"]) == (False, 1)
    assert [frame["seq"] for frame in messages] == [2, 3, 4, 5, 6]


def test_a_reply_that_cannot_be_posted_is_returned_and_nothing_follows_it(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN)
    app.ask(ANN, action="publish", room="r", data=1)
    outbound.post_error = UnavailableError("LimitExceededException")
    assert app.ask(ANN, action="join", room="r", epoch=0, after=0)["seq"] == 1


def test_who_left_receives_nothing_more(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN, BOB)
    app.ask(BOB, action="join", room="r")
    assert app.ask(BOB, action="leave", room="r", id=1) == {"type": "left", "id": 1, "room": "r"}
    assert app.ask(BOB, action="leave", room="never joined") == {"type": "left", "room": "never joined"}
    app.ask(ANN, action="publish", room="r", data=1)
    assert outbound.frames == []


def test_a_session_may_be_in_so_many_rooms(client: "DynamoDBClient", app: App) -> None:
    opened(app, ANN)
    for number in range(MAX_ROOMS):
        assert app.ask(ANN, action="join", room=f"r{number}")["type"] == "joined"
    refused = app.ask(ANN, action="join", room="one more")
    assert (refused["code"], str(MAX_ROOMS) in refused["message"]) == ("limit", True)
    assert app.ask(ANN, action="join", room="r0")["type"] == "joined", "one it is in already"
    app.ask(ANN, action="leave", room="r0")
    assert app.ask(ANN, action="join", room="one more")["type"] == "joined"
    item = session_item(client, ANN.session_id)
    assert item is not None
    assert set(item["rooms"]["SS"]) == {"r1", "r2", "one more"}


def test_a_room_may_have_so_many_members(app: App) -> None:
    crowd = [Connection(f"{number}=", NOW) for number in range(MAX_MEMBERS + 1)]
    opened(app, *crowd)
    for connection in crowd[:-1]:
        assert app.ask(connection, action="join", room="r")["type"] == "joined"
    refused = app.ask(crowd[-1], action="join", room="r")
    assert (refused["code"], str(MAX_MEMBERS) in refused["message"]) == ("limit", True)
    assert app.ask(crowd[0], action="join", room="r")["type"] == "joined", "who is in may ask for what it missed"


@pytest.mark.parametrize(
    "request_",
    [
        {"action": "join"},
        {"action": "join", "room": ""},
        {"action": "join", "room": "x" * 129},
        {"action": "join", "room": "r", "after": -1},
        {"action": "publish", "room": "r"},
        {"action": "publish", "data": 1},
        {"action": "send", "data": 1},
        {"action": "work"},
    ],
    ids=str,
)
def test_a_request_that_lacks_something_is_a_bad_request(app: App, request_: dict[str, Any]) -> None:
    opened(app, ANN)
    assert app.ask(ANN, **request_)["code"] == "bad-request"


def test_data_may_have_a_certain_size(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN)
    room = "\N{PILE OF POO}" * 128
    app.ask(ANN, action="join", room=room)
    assert app.ask(ANN, action="publish", room=room, data="x" * (MAX_DATA - 2))["type"] == "accepted"
    assert MAX_DATA < len(outbound.posted[0]) <= 128 * 1024
    assert app.ask(ANN, action="publish", room=room, data="x" * (MAX_DATA - 1), id=1)["code"] == "too-large"


# --- sessions move, connections vanish --------------------------------------------------------------------------------


def test_rooms_move_with_the_session(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN, BOB, EVE)
    app.ask(BOB, action="join", room="r")
    app.ask(BOB, action="join", room="q")
    token = app.ask(BOB, action="session")["resumeToken"]
    app.ask(EVE, action="join", room="left behind")
    assert app.ask(EVE, action="session", resume=token)["resumed"] is True
    outbound.frames.clear()
    for room in ("r", "q", "left behind"):
        app.ask(ANN, action="publish", room=room, data=room)
    assert [(target, frame["room"]) for target, frame in outbound.frames] == [(EVE.id, "r"), (EVE.id, "q")]


def test_a_late_disconnect_of_an_older_connection_changes_nothing(
    client: "DynamoDBClient", app: App, outbound: FakeOutbound
) -> None:
    opened(app, ANN, BOB, EVE)
    app.ask(BOB, action="join", room="r")
    token = app.ask(BOB, action="session")["resumeToken"]
    app.ask(EVE, action="session", resume=token)
    before = items(client)
    app.presence.ended(BOB, NOW)
    app.presence.gone(app.outbound, "r", Member(BOB.session_id, BOB.id))
    assert items(client) == before
    outbound.frames.clear()
    app.ask(ANN, action="publish", room="r", data=1)
    assert [target for target, _ in outbound.frames] == [EVE.id]


def test_a_connection_that_is_called_gone_and_cannot_be_closed_keeps_its_session(
    client: "DynamoDBClient", app: App, outbound: FakeOutbound
) -> None:
    """It may be there: let go of, it would wait for what nobody sends it."""
    opened(app, ANN, BOB)
    app.ask(BOB, action="join", room="r")
    outbound.frames.clear()
    before = items(client)
    outbound.close_error = UnavailableError("throttled")
    app.presence.gone(app.outbound, "r", Member(BOB.session_id, BOB.id))
    assert items(client) == before
    app.ask(ANN, action="publish", room="r", data=1)
    app.ask(ANN, action="send", to=BOB.session_id, data=2)
    assert [frame["data"] for frame in outbound.to(BOB)] == [1, 2]


def test_a_connection_that_is_called_gone_is_closed_whatever_becomes_of_the_store(
    app: App, outbound: FakeOutbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(app, BOB)
    app.ask(BOB, action="join", room="r")

    def fails(*_: object) -> None:
        raise UnavailableError("throttled")

    monkeypatch.setattr(DynamoDBMembers, "remove", fails)
    with pytest.raises(UnavailableError):
        app.presence.gone(app.outbound, "r", Member(BOB.session_id, BOB.id))
    assert outbound.closed == [BOB.id]


def test_a_late_join_of_an_older_connection_changes_nothing(client: "DynamoDBClient", app: App) -> None:
    opened(app, BOB, EVE)
    token = app.ask(BOB, action="session")["resumeToken"]
    app.ask(BOB, action="join", room="r")
    app.ask(EVE, action="session", resume=token)
    assert app.ask(BOB, action="join", room="q")["code"] == "taken-over"
    members = DynamoDBMembers(client, TABLE)
    members.add("r", Member(BOB.session_id, BOB.id), 1, int(NOW) + 60)
    assert members.of("r", NOW) == [Member(BOB.session_id, EVE.id)]
    assert members.of("q", NOW) == []


@pytest.mark.parametrize(
    "request_", [{"action": "publish", "room": "r"}, {"action": "send", "to": EVE.session_id}, {"action": "work"}]
)
def test_who_was_taken_over_is_refused(app: App, queue: FakeQueue, request_: dict[str, Any]) -> None:
    opened(app, BOB, EVE)
    token = app.ask(BOB, action="session")["resumeToken"]
    app.ask(EVE, action="session", resume=token)
    assert app.ask(BOB, **request_, data=1)["code"] == "taken-over"
    assert queue.bodies == []


def test_a_disconnect_ends_deliveries_and_a_resume_brings_them_back(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN, BOB)
    app.ask(BOB, action="join", room="r")
    token = app.ask(BOB, action="session")["resumeToken"]
    app.presence.ended(BOB, NOW)
    app.ask(ANN, action="publish", room="r", data=1)
    assert outbound.frames == []
    opened(app, EVE)
    app.ask(EVE, action="session", resume=token)
    app.ask(EVE, action="join", room="r", epoch=0, after=0)
    app.ask(ANN, action="publish", room="r", data=2)
    assert [frame["seq"] for frame in outbound.to(EVE)] == [1, 1, 2], "joined, what was missed, what is new"


def test_a_connection_that_is_gone_is_let_go_of_everywhere_and_closed_in_case_it_was_not(
    client: "DynamoDBClient", app: App, outbound: FakeOutbound
) -> None:
    opened(app, ANN, BOB)
    app.ask(BOB, action="join", room="r")
    app.ask(BOB, action="join", room="q")
    outbound.gone.add(BOB.id)
    app.ask(ANN, action="publish", room="r", data=1)
    assert "connectionId" not in (session_item(client, BOB.session_id) or {})
    assert [item for item in items(client) if item["pk"]["S"].startswith("members#")] == []
    assert outbound.closed == [BOB.id]


def test_a_membership_without_a_session_goes_when_its_connection_does(
    client: "DynamoDBClient", app: App, outbound: FakeOutbound
) -> None:
    opened(app, ANN, BOB)
    app.ask(BOB, action="join", room="r")
    delete_session(client, BOB.session_id)
    outbound.gone.add(BOB.id)
    app.ask(ANN, action="publish", room="r", data=1)
    assert DynamoDBMembers(client, TABLE).of("r", NOW) == []


def test_a_membership_expires_with_the_longest_life_of_a_connection(client: "DynamoDBClient", app: App) -> None:
    opened(app, ANN)
    app.ask(ANN, action="join", room="r")
    members = DynamoDBMembers(client, TABLE)
    assert members.of("r", NOW + MEMBER_SECONDS - 1) != []
    assert members.of("r", NOW + MEMBER_SECONDS) == []


def test_who_joins_with_a_vanished_session_gets_it_back(client: "DynamoDBClient", app: App) -> None:
    opened(app, ANN)
    delete_session(client, ANN.session_id)
    assert app.ask(ANN, action="join", room="r")["type"] == "joined"
    delete_session(client, ANN.session_id)
    assert app.ask(ANN, action="publish", room="r", data=1)["type"] == "accepted"
    assert session_item(client, ANN.session_id) is not None


# --- large rooms ------------------------------------------------------------------------------------------------------


def test_a_large_room_is_left_to_the_queue(
    client: "DynamoDBClient", app: App, outbound: FakeOutbound, queue: FakeQueue
) -> None:
    members = DynamoDBMembers(client, TABLE)
    crowd = [Member(f"s{number:03}", f"c{number:03}") for number in range(BATCH + 1)]
    for member in crowd[:INLINE]:
        members.add("r", member, 1, int(NOW) + 60)
    opened(app, ANN)
    app.ask(ANN, action="publish", room="r", data=1)
    assert (len(outbound.frames), queue.bodies) == (INLINE, [])
    outbound.frames.clear()
    for member in crowd[INLINE:]:
        members.add("r", member, 1, int(NOW) + 60)
    app.ask(ANN, action="publish", room="r", data=2)
    assert (outbound.frames, len(queue.bodies)) == ([], 2)
    for body in queue.bodies:
        assert app.delivery.deliver_batch(body)
    assert sorted(outbound.frames) == [(member.connection_id, message(2, 2)) for member in crowd]


def test_a_queue_that_is_down_does_not_undo_what_is_accepted(
    client: "DynamoDBClient", app: App, queue: FakeQueue, caplog: pytest.LogCaptureFixture
) -> None:
    members = DynamoDBMembers(client, TABLE)
    for number in range(INLINE + 1):
        members.add("r", Member(f"s{number}", f"c{number}"), 1, int(NOW) + 60)
    opened(app, ANN)
    queue.error = UnavailableError("ThrottlingException")
    assert app.ask(ANN, action="publish", room="r", data=1)["type"] == "accepted"
    assert [record.message for record in caplog.records] == ["fan-out not queued"]


# --- inboxes ----------------------------------------------------------------------------------------------------------


def test_a_message_to_a_session_reaches_its_connection(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN, BOB)
    reply = app.ask(ANN, action="send", to=BOB.session_id, data="hi", id="x")
    assert reply == {"type": "accepted", "id": "x", "seq": 1}
    assert outbound.frames == [(BOB.id, message(1, "hi", room=None))]
    assert app.ask(BOB, action="session")["inbox"] == {"epoch": EPOCH, "seq": 1}


def test_an_inbox_is_replayed_when_its_session_is_resumed(app: App, outbound: FakeOutbound) -> None:
    opened(app, ANN, BOB, EVE)
    token = app.ask(BOB, action="session")["resumeToken"]
    app.ask(ANN, action="send", to=BOB.session_id, data=1)
    app.presence.ended(BOB, NOW)
    outbound.frames.clear()
    for number in (2, 3):
        assert app.ask(ANN, action="send", to=BOB.session_id, data=number)["type"] == "accepted"
    assert outbound.frames == []
    assert app.ask(EVE, action="session", resume=token, after=1, id=9) is None
    session, *messages = outbound.to(EVE)
    assert (session["type"], session["resumed"], session["id"]) == ("session", True, 9)
    assert (session["inbox"], session["after"]) == ({"epoch": EPOCH, "seq": 3}, 1)
    assert messages == [message(2, 2, room=None), message(3, 3, room=None)]


def test_a_message_that_is_sent_while_the_session_moves_reaches_the_new_connection(
    app: App, outbound: FakeOutbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(app, ANN, BOB, EVE)
    token = app.ask(BOB, action="session")["resumeToken"]
    append = app.messaging._streams.append

    def move_first(*arguments: Any) -> Any:
        monkeypatch.undo()
        assert app.ask(EVE, action="session", resume=token, after=0)["inbox"]["seq"] == 0
        return append(*arguments)

    monkeypatch.setattr(app.messaging._streams, "append", move_first)
    app.ask(ANN, action="send", to=BOB.session_id, data="hi")
    assert outbound.to(EVE) == [message(1, "hi", room=None)]


@pytest.mark.parametrize("to", ["a" * 26, "", "nobody", "#" * 26, "a" * 5000])
def test_a_message_to_nobody_is_an_error_that_keeps_nothing(client: "DynamoDBClient", app: App, to: str) -> None:
    opened(app, ANN)
    before = items(client)
    refused = app.ask(ANN, action="send", to=to, data=1, id=1)
    assert (refused["code"], refused["id"]) == ("no-session", 1)
    assert items(client) == before


def test_a_message_to_an_expired_session_is_an_error(app: App) -> None:
    opened(app, BOB)
    later = NOW + SESSION_SECONDS
    assert app.ask(Connection("ann=", later), later, action="send", to=BOB.session_id, data=1)["code"] == "no-session"


# --- work -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def worker(app: App, metrics: FakeMetrics) -> Worker:
    return Worker(app.messaging, metrics)


def test_work_is_accepted_at_once_and_its_result_comes_through_the_inbox(
    app: App, outbound: FakeOutbound, queue: FakeQueue, worker: Worker
) -> None:
    opened(app, ANN)
    assert app.ask(ANN, action="work", data={"n": 1}, id="w") == {"type": "accepted", "id": "w"}
    (body,) = queue.bodies
    assert outbound.frames == []
    assert worker.run(body, NOW)
    (frame,) = outbound.to(ANN)
    assert (frame["type"], frame["id"], frame["epoch"], frame["seq"]) == ("result", "w", EPOCH, 1)
    assert set(frame["data"]) == {"sha256"}


def test_work_without_an_id_gets_one(app: App, outbound: FakeOutbound, queue: FakeQueue, worker: Worker) -> None:
    opened(app, ANN)
    identifier = app.ask(ANN, action="work", data=1)["id"]
    worker.run(queue.bodies[0], NOW)
    assert outbound.to(ANN)[0]["id"] == identifier


def test_a_job_that_is_delivered_again_has_one_result(
    app: App, outbound: FakeOutbound, queue: FakeQueue, worker: Worker
) -> None:
    opened(app, ANN)
    app.ask(ANN, action="work", data=1, id="w")
    app.ask(ANN, action="work", data=1, id="w")
    for body in queue.bodies * 2:
        assert worker.run(body, NOW)
    assert {frame["seq"] for frame in outbound.to(ANN)} == {1}
    assert app.ask(ANN, action="session")["inbox"]["seq"] == 1


def test_a_result_is_no_retry_of_a_message_with_its_id(app: App, queue: FakeQueue, worker: Worker) -> None:
    opened(app, ANN)
    app.ask(ANN, action="send", to=ANN.session_id, data=1, id="w")
    app.ask(ANN, action="work", data=1, id="w")
    worker.run(queue.bodies[0], NOW)
    assert app.ask(ANN, action="session")["inbox"]["seq"] == 2


def test_a_job_that_fails_is_done_again(
    client: "DynamoDBClient", app: App, queue: FakeQueue, worker: Worker, metrics: FakeMetrics
) -> None:
    opened(app, ANN)
    app.ask(ANN, action="work", data=1, id="w")
    with failing(client, "ThrottlingException"):
        assert not worker.run(queue.bodies[0], NOW)
    assert metrics.last() == ("work-done", {"Jobs": 1, "Errors": 1})
    assert worker.run(queue.bodies[0], NOW)
    assert not worker.run("no job", NOW)


def test_a_result_that_nobody_waits_for_is_dropped(app: App, queue: FakeQueue, worker: Worker) -> None:
    opened(app, ANN)
    app.ask(ANN, action="work", data=1, id="w")
    assert worker.run(queue.bodies[0], NOW + SESSION_SECONDS)


def test_work_that_cannot_be_queued_is_not_accepted(app: App, queue: FakeQueue) -> None:
    opened(app, ANN)
    queue.error = UnavailableError("ThrottlingException")
    assert app.ask(ANN, action="work", data=1, id="w")["code"] == "unavailable"


# --- rates ------------------------------------------------------------------------------------------------------------


def test_who_sends_too_fast_is_told_and_may_send_again_a_moment_later(
    client: "DynamoDBClient", outbound: FakeOutbound, queue: FakeQueue, metrics: FakeMetrics
) -> None:
    app = App(client, outbound, queue, metrics, message_rate=2)
    assert [app.ask(ANN, action="ping")["type"] for _ in range(3)] == ["pong", "pong", "error"]
    refused = app.ask(ANN, action="ping", id=3)
    assert (refused["code"], refused["id"]) == ("rate", 3)
    assert json.loads(app.router.message(ANN, "hello", NOW) or "")["code"] == "rate"
    assert app.ask(BOB, action="ping")["type"] == "pong"
    assert app.ask(ANN, NOW + 0.6, action="ping")["type"] == "pong"
    assert app.ask(ANN, NOW + 0.6, action="ping")["code"] == "rate"


def test_reads_and_writes_of_a_publish_to_a_room(client: "DynamoDBClient", app: App) -> None:
    opened(app, ANN)
    app.ask(ANN, action="join", room="r")
    app.ask(ANN, action="publish", room="r", data=1)
    calls = Calls(client)
    app.ask(ANN, action="publish", room="r", data=1)
    assert calls == ["GetItem", "Query", "PutItem", "Query"], "session, end, message, members"
