"""Actions as files, and what becomes of one that does not keep its word."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from backend.actions import Action, load
from backend.protocol import Reply, Request
from backend.rate_limiter import RateLimiter
from backend.records import Connection
from backend.router import Router
from tests.backend.support import NOW, TOUCH_SECONDS, App, Calls

ANN = Connection("ann=", NOW)


class Odd(Reply, tag="odd"):
    """A reply that JSON cannot have."""

    value: object


def routed(app: App, function: Callable[..., Any], *parameters: str) -> Router:
    """A router with one action, `odd`."""
    action = Action("odd", Request, function, parameters, touches=False, waits=False)
    return Router(
        {"odd": action},
        app,
        sessions=app.sessions,
        delivery=app.delivery,
        metrics=app.metrics,
        rate_limiter=RateLimiter(0),
    )


def test_the_actions_are_the_files_of_the_folder_and_those_that_ask_nobody_do_not_wait() -> None:
    actions = load()
    assert list(actions) == sorted(actions)
    assert {"join", "leave", "ping", "publish", "send", "session", "work"} <= set(actions)
    assert not actions["ping"].waits
    assert actions["join"].waits


@pytest.mark.parametrize("answer", [None, "text", Odd(value=object())])
def test_an_answer_that_is_no_reply_is_an_internal_error(
    app: App, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    reply = routed(app, lambda: answer).message(ANN, '{"action":"odd","id":1}', NOW)
    assert json.loads(reply or "") | {"message": ""} == {"type": "error", "code": "internal", "message": "", "id": 1}
    assert caplog.records[-1].message == "route failed"


def test_an_action_that_takes_what_is_not_there_is_refused_at_the_start(app: App) -> None:
    with pytest.raises(
        TypeError, match="the action odd takes 'clock': it may take connection, now, origin, request, and"
    ):
        routed(app, lambda clock: clock, "clock")


def test_a_defect_of_a_part_is_not_taken_for_a_part_that_is_missing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: App) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(App, "streams", property(broken))
    with pytest.raises(AttributeError, match="no such thing"):
        routed(app, lambda streams: streams, "streams")


def test_a_message_that_is_refused_leaves_the_touch_to_the_action_as_ever(app: App) -> None:
    calls = Calls(app.dynamodb)
    reply = app.router.message(ANN, '{"action":"join"}', NOW + TOUCH_SECONDS)
    assert json.loads(reply or "")["code"] == "bad-request"
    assert calls == []
