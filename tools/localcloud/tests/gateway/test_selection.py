from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.gateway.selection import Expression, ExpressionError, Response, parse, select

ACTION = parse("$request.body.action")
KEYS = frozenset({"$connect", "$disconnect", "$default", "ping", "5", "true", "[1, 2]", "[2, 1]"})


@pytest.mark.parametrize(
    ("expression", "message", "key"),
    [
        ("$request.body.action", '{"action":"ping"}', "ping"),
        ("$request.body.action", '{"action":"ping","action":"nope"}', "$default"),
        ("$request.body.action", '{"other":1}', "$default"),
        ("$request.body.action", "hello", "$default"),
        ("$request.body.action", "", "$default"),
        ("$request.body.action", '"ping"', "$default"),
        ("$request.body.action", '["ping"]', "$default"),
        ("$request.body.action", '{"action":null}', "$default"),
        ("$request.body.action", '{"action":5}', "5"),
        ("$request.body.action", '{"action":true}', "true"),
        ("$request.body.action", '{"action":{"a":1}}', "$default"),
        ("$request.body.action", '{"action":"$connect"}', "$default"),
        ("$request.body.action", '{"action":"$disconnect"}', "$default"),
        ("${request.body.action}", '{"action":"ping"}', "ping"),
        ("$request.body.a.b", '{"a":{"b":"ping"}}', "ping"),
        ("$request.body.a[1]", '{"a":[0,"ping"]}', "ping"),
        ("$request.body['a b']", '{"a b":"ping"}', "ping"),
        ("${request.body.a[-1]}", '{"a":[0,"ping"]}', "ping"),
        ("$request.body..name", '{"a":{"name":1},"name":2}', "[2, 1]"),
        ("$request.body.a[*].b", '{"a":[{"b":1},{"b":2},{}]}', "[1, 2]"),
        ("ping", '{"any":1}', "ping"),
        (r"\$default", '{"action":"ping"}', "$default"),
    ],
)
def test_a_message_takes_the_route_its_expression_names_or_default(expression: str, message: str, key: str) -> None:
    assert select(parse(expression), KEYS, message) == key


def test_parts_are_joined_in_one_pass() -> None:
    joined = parse("${request.body.a}/${request.body.b}")
    assert joined.evaluate({"a": "x", "b": "${request.body.a}"}) == "x/${request.body.a}"
    assert joined.evaluate({}) == "/"


def test_arrays_are_written_as_aws_writes_them() -> None:
    assert ACTION.evaluate({"action": ["item1", "item2"]}) == "[item1, item2]"


def test_without_default_an_unknown_action_has_no_route() -> None:
    assert select(ACTION, frozenset({"ping"}), '{"action":"nope"}') is None
    assert select(ACTION, frozenset({"ping"}), "hello") is None


@pytest.mark.parametrize(
    "text",
    ["$request.header.x", "$context.routeKey", "${request.body", "$request.body[?(@.a)]", "$request.bodyguard", "$"],
)
def test_an_expression_that_cannot_select_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match="request"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"action":' + "[" * 700 + "]" * 700 + "}",
        '{"action":' * 50_000,
        '{"action":"\\ud800"}',
        "\ufeff{}",
        "NaN",
    ],
)
def test_texts_that_parsers_choke_on_go_to_default(text: str) -> None:
    assert select(ACTION, KEYS, text) == "$default"


@given(st.text())
def test_any_text_has_a_route(text: str) -> None:
    assert select(ACTION, KEYS, text) in KEYS - {"$connect", "$disconnect"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_any_json_has_a_route(value: object) -> None:
    assert select(ACTION, KEYS, json.dumps(value)) in KEYS - {"$connect", "$disconnect"}


@given(st.sampled_from(sorted(KEYS - {"$connect", "$disconnect"})), st.dictionaries(st.text(), json_values, max_size=4))
def test_an_action_is_found_among_any_other_fields(key: str, others: dict[str, object]) -> None:
    assert select(ACTION, KEYS, json.dumps({**others, "action": key})) == key


@given(st.text())
def test_any_expression_parses_or_is_refused(text: str) -> None:
    with suppress(ExpressionError):
        assert isinstance(parse(text), Expression)


ANSWER = Response(404, (("X-Kind", "a"), ("x-kind", "b")), {"errorMessage": "no such room"})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$integration.response.statuscode", "404"),
        ("${integration.response.statuscode}", "404"),
        ("${response.statuscode}", "404"),
        ("$integration.response.header.X-Kind", "b"),
        ("$integration.response.multivalueheader.x-kind", "[a, b]"),
        ("$integration.response.header.other", ""),
        ("$integration.response.body.errorMessage", "no such room"),
        ("${request.body.kind}-${integration.response.statuscode}", "chat-404"),
        ("static", "static"),
        (r"\$default", "$default"),
    ],
)
def test_an_expression_can_name_parts_of_an_integrations_answer(source: str, expected: str) -> None:
    assert parse(source, response=True).evaluate({"kind": "chat"}, ANSWER) == expected


def test_a_route_is_not_selected_by_an_answer() -> None:
    with pytest.raises(ExpressionError, match=r"request\.body only"):
        parse("$integration.response.statuscode")


@pytest.mark.parametrize("text", ["${integration.response.cookies}", "${context.stage}", "$integration.response"])
def test_parts_that_an_answer_has_not_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"request\.body and integration\.response only"):
        parse(text, response=True)
