from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.gateway.jsonpath import MISSING
from localcloud.gateway.models import Model, ModelError, RequestModels
from localcloud.gateway.selection import parse

CHAT = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "title": "chat",
    "type": "object",
    "properties": {
        "action": {"type": "string", "pattern": "^[a-z]+$"},
        "size": {"type": "integer", "minimum": 0, "maximum": 9, "exclusiveMaximum": True},
        "tags": {"type": "array", "items": {"$ref": "#/definitions/tag"}, "uniqueItems": True},
    },
    "patternProperties": {"^x-": {"type": "string"}},
    "additionalProperties": False,
    "required": ["action"],
    "definitions": {"tag": {"enum": ["a", "b", {"c": 1}]}},
}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"action": "ping"}, None),
        ({"action": "ping", "size": 8, "tags": ["a", {"c": 1}], "x-any": "t"}, None),
        ({}, "'action' is a required property"),
        ([], "[] is not of type 'object'"),
        ({"action": 5}, "5 is not of type 'string'"),
        ({"action": "PING"}, "'PING' does not match '^[a-z]+$'"),
        ({"action": "a", "size": 9}, "9 is greater than or equal to the maximum of 9"),
        ({"action": "a", "size": 1.5}, "1.5 is not of type 'integer'"),
        ({"action": "a", "tags": ["z"]}, "'z' is not one of ['a', 'b', {'c': 1}]"),
        ({"action": "a", "tags": ["a", "a"]}, "its items are not unique"),
        ({"action": "a", "x-any": 5}, "5 is not of type 'string'"),
        ({"action": "a", "other": 5}, "'other' is not one of its properties"),
        (None, "None is not of type 'object'"),
    ],
)
def test_a_model_of_draft_4_accepts_or_says_what_is_wrong(body: object, complaint: str | None) -> None:
    assert Model(CHAT).error(body) == complaint


def test_a_schema_may_be_given_as_text_and_extra_properties_a_schema() -> None:
    model = Model('{"additionalProperties": {"type": "number"}}')
    assert model.error({"a": 1}) is None
    assert model.error({"a": "b"}) == "'b' is not of type 'number'"
    assert model.error(["a"]) is None


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is a JSON object"),
        ({"type": "nothing"}, "not one of draft 4"),
        ({"required": []}, "not one of draft 4"),
        ({"minimum": "1"}, "not one of draft 4"),
        ({"pattern": "("}, "regular expression|not one of draft 4"),
        ({"properties": {"a": {"patternProperties": {"(": {}}}}}, "regular expression|not one of draft 4"),
        ({"$ref": "http://example.com/schema"}, "only references inside"),
        ({"items": {"$ref": "https://apigateway.amazonaws.com/restapis/x/models/y"}}, "only references inside"),
        ({"$ref": "#/definitions/nope"}, "leads nowhere"),
        ({"description": "x" * 500_000}, "the limit is"),
        ('{"not":' * 900 + "{}" + "}" * 900, "too deeply"),
        ('{"not":' * 90_000 + "{}" + "}" * 90_000, "the limit is|too deeply"),
    ],
)
def test_what_is_no_schema_is_refused_when_it_is_read(schema: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Model(schema)


def test_what_looks_like_a_reference_in_a_value_is_none() -> None:
    assert Model({"enum": [{"$ref": "http://example.com"}]}).error({"$ref": "http://example.com"}) is None


DEEP: Any = {}
for _ in range(400):
    DEEP = {"a": DEEP, "b": [DEEP] if _ < 3 else []}
TREE: Any = {
    "properties": {"a": {"anyOf": [{"allOf": [{"$ref": "#"}, {"type": "string"}]}, {"$ref": "#"}]}},
}


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ({"pattern": "^(a|aa)+$"}, "a" * 60_000 + "b"),
        ({"patternProperties": {"^(a|aa)+$": {}}}, {"a" * 60_000 + "b": 1}),
        ({"$ref": "#"}, {}),
        ({"allOf": [{"$ref": "#"}]}, {}),
        (TREE, DEEP),
        ({"items": {"enum": list(range(10_000))}}, [-1, *([9_999] * 60_000)][1:]),
        ({"items": {"items": {"items": {"type": "number"}}}}, [[[1] * 300] * 300] * 300),
    ],
    ids=["pattern", "pattern of names", "itself", "itself in a list", "tree", "long enum", "many items"],
)
def test_no_schema_can_hang_the_gateway(schema: object, body: object) -> None:
    model = Model(schema)
    began = time.process_time()
    assert model.error(body) is not None
    assert time.process_time() - began < 10  # the tree's would take for ever


def test_many_different_items_are_found_unique_in_time() -> None:
    items: list[Any] = [{"a": n} if n % 2 else n for n in range(30_000)]
    began = time.process_time()
    assert Model({"uniqueItems": True}).error(items) is None
    assert time.process_time() - began < 10  # comparing each with each other takes minutes


BY_ACTION = RequestModels(
    {"join": Model({"required": ["room"]}), "$default": Model({"required": ["text"]})}, parse("$request.body.action")
)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"action": "join", "room": 1}, None),
        ({"action": "join", "text": 1}, "'room' is a required property"),
        ({"action": "other", "text": 1}, None),
        ({"text": 1}, None),
        ({"action": "other"}, "'text' is a required property"),
        (MISSING, "it is not JSON"),
    ],
)
def test_the_model_is_selected_by_the_message_or_default(body: object, complaint: str | None) -> None:
    assert BY_ACTION.error(body) == complaint


def test_without_a_model_for_it_a_message_fails() -> None:
    models = RequestModels({"join": Model({})}, parse("$request.body.action"))
    assert models.error({"action": "join"}) is None
    assert models.error({"action": "leave"}) == "there is no model for 'leave'"


def test_without_an_expression_default_is_the_model() -> None:
    assert RequestModels({"$default": Model({"type": "string"})}).error(5) == "5 is not of type 'string'"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_any_json_is_judged(body: object) -> None:
    numbers = Model({"multipleOf": 0.1, "items": {"multipleOf": 3}, "uniqueItems": True})
    assert numbers.error(body) is None or isinstance(numbers.error(body), str)
