import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.actions.ping import Pong
from backend.actions.session import SessionRequest
from backend.errors import ErrorCode, RefusedError
from backend.protocol import ErrorReply, encode
from backend.records import Connection
from backend.router import ParsedMessage, Router
from tests.backend.support import NOW

DEPTH = 131_072
NO_ID = "id must be a string of 1 to 128 characters or a 64-bit integer"


def parse(router: Router, text: str) -> ParsedMessage:
    return router.parse(Connection("c=", NOW), text, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "null",
        "5",
        '"action"',
        '["action"]',
        "{}",
        '{"Action":"ping"}',
        '{"action":"ping"',
        '{"action":"ping"}}',
        '{"action":NaN}',
        "{'action':'ping'}",
        '\ufeff{"action":"ping"}',
        '"\ud800"',
        '{"action":"\ud800"}',
        '{"action":"\\ud800"}',
        "[" * DEPTH,
        '{"a":' * (DEPTH // 5),
        '{"action":' + "[" * DEPTH,
        '{"action":"ping","a":' + "[" * DEPTH,
    ],
    ids=lambda text: repr(text[:24]),
)
def test_what_is_not_an_object_with_an_action_is_echoed(router: Router, text: str) -> None:
    message = parse(router, text)
    assert (message.route, message.request, message.refusal, message.immediate) == (None, None, None, True)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('{"action":"ping"}', "ping"),
        (' {"data":{"action":"x"},"action":"ping"} ', "ping"),
        ('{"\\u0061ction":"\\u0070ing"}', "ping"),
        ('{"action":"ping","action":"session"}', "session"),
        ('{"action":""}', None),
        ('{"action":null}', None),
        ('{"action":5}', None),
        ('{"action":{"action":"ping"}}', None),
        ('{"action":1' + "0" * 5000 + "}", None),
    ],
)
def test_the_action_is_a_string_or_nothing_that_has_a_route(router: Router, text: str, action: str | None) -> None:
    route = parse(router, text).route
    assert (route.name if route is not None else None) == action


@pytest.mark.parametrize("action", ['""', "null", "5", '{"action":"ping"}', "1" + "0" * 5000])
def test_an_action_that_has_no_route_is_an_error_when_there_is_an_id(router: Router, action: str) -> None:
    refusal = parse(router, f'{{"action":{action},"id":1}}').refusal
    assert refusal is not None
    assert (refusal.code, refusal.id) == (ErrorCode.UNKNOWN_ACTION, 1)


@pytest.mark.parametrize("identifier", ["a", "x" * 128, "\N{PILE OF POO}" * 128, 0, -1, 2**63 - 1, -(2**63)])
def test_an_id_is_a_short_string_or_an_integer(router: Router, identifier: str | int) -> None:
    message = parse(router, json.dumps({"action": "ping", "id": identifier}))
    assert message.request is not None
    assert message.request.id == identifier
    assert message.refusal is None


@pytest.mark.parametrize("text", ['{"action":"ping"}', '{"action":"ping","id":null}'])
def test_no_id_and_null_are_the_same(router: Router, text: str) -> None:
    message = parse(router, text)
    assert message.request is not None
    assert message.request.id is None
    assert message.refusal is None


@pytest.mark.parametrize(
    "identifier", ['""', f'"{"x" * 129}"', "1.5", "true", "[]", "{}", "9" * 19, "9" * 5000, "1e999"]
)
def test_any_other_id_is_named_as_the_problem(router: Router, identifier: str) -> None:
    message = parse(router, f'{{"action":"ping","id":{identifier}}}')
    assert message.request is None
    assert message.refusal == ErrorReply(code=ErrorCode.BAD_REQUEST, message=NO_ID)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"resume": 5}, "$.resume"),
        ({"resume": "t", "after": -1}, "$.after"),
        ({"after": "1"}, "$.after"),
        ({"after": 1.5}, "$.after"),
        ({"after": 2**63}, "$.after"),
    ],
)
def test_a_bad_field_is_named_and_its_value_is_not(router: Router, fields: dict[str, Any], problem: str) -> None:
    refusal = parse(router, json.dumps({"action": "session", **fields})).refusal
    assert refusal is not None
    assert refusal.code is ErrorCode.BAD_REQUEST
    assert problem in refusal.message
    assert len(refusal.message) <= 256


def test_a_message_to_the_client_is_bounded() -> None:
    assert len(RefusedError(ErrorCode.BAD_REQUEST, "x" * 10_000).message) == 256


def test_null_fields_and_fields_nobody_knows_are_as_good_as_absent(router: Router) -> None:
    request = parse(router, '{"action":"session","resume":null,"after":null,"x":1}').request
    assert isinstance(request, SessionRequest)
    assert (request.id, request.resume, request.epoch, request.after) == (None, None, None, None)


def test_of_two_fields_with_one_name_the_last_counts(router: Router) -> None:
    request = parse(router, '{"action":"ping","after":1,"action":"session","after":2,"id":"x","id":3}').request
    assert isinstance(request, SessionRequest)
    assert (request.after, request.id) == (2, 3)
    request = parse(router, '{"action":"session","after":[],"after":5}').request
    assert isinstance(request, SessionRequest)
    assert request.after == 5, "whatever the one before is"


def test_replies_carry_the_id_they_were_given_and_only_then() -> None:
    assert encode(Pong()) == b'{"type":"pong"}'
    assert encode(Pong(id=0)) == b'{"type":"pong","id":0}'
    error = ErrorReply(code=ErrorCode.CONFLICT, message="m", id="a")
    assert json.loads(encode(error)) == {"type": "error", "code": "conflict", "message": "m", "id": "a"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text())
def test_no_text_makes_parsing_raise(router: Router, text: str) -> None:
    for message in (text, '{"action":' + text, '{"action":"ping","id":' + text + "}"):
        parse(router, message)
