"""What the log says of a message, wherever a line about it is written."""

import json
import logging

import pytest

from backend.delivery import Delivery
from backend.log import about, current_origin, logger
from backend.records import Connection, Member, Origin
from backend.router import Router
from tests.backend.support import NOW, App, FakeOutbound, FakeQueue, Released

ANN = Connection("ann=", NOW)
BOB = Connection("bob=", NOW)


def keys(record: logging.LogRecord) -> tuple[object, ...]:
    return tuple(record.__dict__.get(name) for name in ("connection_id", "session_id", "request_id", "action"))


def test_a_line_is_about_the_message_that_is_answered_and_about_nothing_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with about(Origin("c", "s", "r", "join")):
        logger.warning("within")
    logger.warning("outside")
    assert [keys(record) for record in caplog.records] == [("c", "s", "r", "join"), (None,) * 4]
    assert current_origin() is None


@pytest.mark.parametrize(("request_id", "known"), [("gateway", True), (None, False)])
def test_an_action_that_fails_is_logged_with_its_message(
    router: Router,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    request_id: str | None,
    known: bool,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("backend.messaging.Messaging.join", fail)
    router.message(ANN, '{"action":"join","room":"r"}', NOW, request_id)
    (record,) = caplog.records
    connection, session, request, action = keys(record)
    assert (connection, session, action) == (ANN.id, ANN.session_id, "join")
    assert (request == "gateway") is known
    assert request


def test_a_connection_that_has_resumed_is_logged_with_the_session_it_holds(
    app: App, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = app.ask(ANN, action="session")["resumeToken"]
    app.ask(BOB, action="session", resume=token)
    monkeypatch.setattr("backend.messaging.Messaging.leave", lambda *_: 1 / 0)
    app.ask(BOB, action="leave", room="r")
    assert keys(caplog.records[-1])[:2] == (BOB.id, ANN.session_id)


def test_a_job_that_fails_is_logged_with_the_message_that_asked_for_it(
    app: App, queue: FakeQueue, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.router.message(ANN, '{"action":"work","data":1,"id":7}', NOW, "asked")
    monkeypatch.setattr("backend.work.perform", lambda _: 1 / 0)
    assert not app.worker.run(queue.bodies[0], NOW)
    assert keys(caplog.records[-1]) == (ANN.id, ANN.session_id, "asked", "work")


def test_a_batch_that_fails_is_logged_with_the_message_that_was_published(
    queue: FakeQueue, caplog: pytest.LogCaptureFixture
) -> None:
    outbound = FakeOutbound(post_error=RuntimeError("AccessDenied"))
    delivery = Delivery(outbound, Released(), queue, inline=0)  # type: ignore[arg-type]
    with about(Origin("c", "s", "r", "publish")):
        delivery.publish("room", [Member("m", "n")], b"{}")
    assert json.loads(queue.bodies[0])["origin"]["request_id"] == "r"
    delivery.deliver_batch(queue.bodies[0])
    assert keys(caplog.records[-1]) == ("c", "s", "r", "publish")


@pytest.mark.usefixtures("app")
def test_every_line_names_the_variant() -> None:
    assert logger.get_current_keys()["variant"] == "lambda"


def test_a_job_that_is_nested_too_deep_fails_alone(app: App, caplog: pytest.LogCaptureFixture) -> None:
    assert not app.worker.run('{"session":"s","id":1,"data":' + "[" * 100_000 + "]" * 100_000 + "}", NOW)
    assert caplog.records[-1].message == "not a job"
