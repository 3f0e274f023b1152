import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ErrorCode, RefusedError
from backend.protocol import ErrorReply, Pong, SessionRequest, encode, open_envelope, read

DECODER = msgspec.json.Decoder(SessionRequest)
DEPTH = 131_072


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
def test_what_is_not_an_object_with_an_action_has_no_envelope(text: str) -> None:
    assert open_envelope(text) is None


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('{"action":"ping"}', "ping"),
        (' {"data":{"action":"x"},"action":"ping"} ', "ping"),
        ('{"\\u0061ction":"\\u0070ing"}', "ping"),
        ('{"action":"ping","action":"session"}', "session"),
        ('{"action":""}', ""),
        ('{"action":null}', None),
        ('{"action":5}', None),
        ('{"action":{"action":"ping"}}', None),
        ('{"action":1' + "0" * 5000 + "}", None),
    ],
)
def test_the_action_is_a_string_or_nothing_that_has_a_route(text: str, action: str | None) -> None:
    envelope = open_envelope(text)
    assert envelope is not None
    assert envelope.action == action


@pytest.mark.parametrize("identifier", ["a", "x" * 128, "\N{PILE OF POO}" * 128, 0, -1, 2**63 - 1, -(2**63)])
def test_an_id_is_a_short_string_or_an_integer(identifier: str | int) -> None:
    envelope = open_envelope(json.dumps({"action": "ping", "id": identifier}))
    assert envelope is not None
    assert envelope.id == identifier
    assert envelope.id_error is None


@pytest.mark.parametrize("text", ['{"action":"ping"}', '{"action":"ping","id":null}'])
def test_no_id_and_null_are_the_same(text: str) -> None:
    envelope = open_envelope(text)
    assert envelope is not None
    assert envelope.id is msgspec.UNSET
    assert envelope.id_error is None


@pytest.mark.parametrize(
    "identifier", ['""', f'"{"x" * 129}"', "1.5", "true", "[]", "{}", "9" * 19, "9" * 5000, "1e999"]
)
def test_any_other_id_is_named_as_the_problem(identifier: str) -> None:
    envelope = open_envelope(f'{{"action":"ping","id":{identifier}}}')
    assert envelope is not None
    assert envelope.id is msgspec.UNSET
    assert envelope.id_error == "id must be a string of 1 to 128 characters or a 64-bit integer"


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
def test_a_bad_field_is_named_and_its_value_is_not(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError) as raised:
        read(json.dumps({"action": "session", **fields}), DECODER)
    assert raised.value.code is ErrorCode.BAD_REQUEST
    assert problem in raised.value.message


def test_a_message_to_the_client_is_bounded() -> None:
    assert len(RefusedError(ErrorCode.BAD_REQUEST, "x" * 10_000).message) == 256


def test_null_fields_and_fields_nobody_knows_are_as_good_as_absent() -> None:
    assert read('{"action":"session","resume":null,"after":null,"x":1}', DECODER) == SessionRequest()


def test_replies_carry_the_id_they_were_given_and_only_then() -> None:
    assert encode(Pong()) == b'{"type":"pong"}'
    assert encode(Pong(id=0)) == b'{"type":"pong","id":0}'
    error = ErrorReply(code=ErrorCode.CONFLICT, message="m", id="a")
    assert json.loads(encode(error)) == {"type": "error", "code": "conflict", "message": "m", "id": "a"}


@given(st.text())
def test_no_text_makes_the_envelope_raise(text: str) -> None:
    open_envelope(text)
    open_envelope('{"action":' + text)
    open_envelope('{"action":"ping","id":' + text + "}")
