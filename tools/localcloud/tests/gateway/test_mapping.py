from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.gateway.effects import Handshake
from localcloud.gateway.mapping import MappingError, Parameters, RequestParameters, ResponseKeys, Sources, uri

HANDSHAKE = Handshake(
    "/prod", "room=a&room=b%20c&empty=", (("X-Token", "one"), ("x-token", "two"), ("Host", "h")), "203.0.113.9"
)
MESSAGE = Sources(
    context={"connectionId": "C1=", "requestTimeEpoch": 5, "identity": {"sourceIp": "203.0.113.9"}, "nothing": None},
    stage_variables={"table": "rooms"},
    text='{"a": {"b": [1, "x"]}}',
    body={"a": {"b": [1, "x"]}, "flag": True, "none": None},
)
CONNECT = Sources(context={"connectionId": "C1="}, handshake=HANDSHAKE)


def header(value: str, request: Sources = MESSAGE) -> list[str]:
    applied = RequestParameters({"integration.request.header.X": value}).apply(request)
    return [text for _, text in applied.headers]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("context.connectionId", ["C1="]),
        ("context.identity.sourceIp", ["203.0.113.9"]),
        ("context.requestTimeEpoch", ["5"]),
        ("context.nothing", []),
        ("context.authorizer.principalId", []),
        ("context.connectionId.more", []),
        ("stageVariables.table", ["rooms"]),
        ("stageVariables.nope", []),
        ("'a literal'", ["a literal"]),
        ("''", [""]),
        ("route.request.body", ['{"a": {"b": [1, "x"]}}']),
        ("route.request.body.a.b[1]", ["x"]),
        ("route.request.body.a.b", ['[1,"x"]']),
        ("route.request.body.a", ['{"b":[1,"x"]}']),
        ("route.request.body['flag']", ["true"]),
        ("route.request.body.none", []),
        ("route.request.body.nope", []),
        ("route.request.header.X-Token", []),
    ],
)
def test_a_parameter_of_a_message(value: str, expected: list[str]) -> None:
    assert header(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("route.request.header.X-TOKEN", ["two"]),
        ("route.request.multivalueheader.X-Token", ["one", "two"]),
        ("route.request.querystring.room", ["b c"]),
        ("route.request.multivaluequerystring.room", ["a", "b c"]),
        ("route.request.querystring.empty", [""]),
        ("route.request.querystring.Room", []),
        ("route.request.header.nope", []),
        ("route.request.body.a", []),
    ],
)
def test_a_parameter_of_a_handshake(value: str, expected: list[str]) -> None:
    assert header(value, CONNECT) == expected


def test_parameters_go_where_their_keys_say_in_the_templates_order() -> None:
    parameters = RequestParameters(
        {
            "integration.request.header.connectionId": "context.connectionId",
            "integration.request.querystring.q": "'1'",
            "integration.request.path.id": "context.connectionId",
            "integration.request.header.X-Table": "stageVariables.table",
        }
    )
    assert parameters.apply(MESSAGE) == Parameters(
        [("connectionId", "C1="), ("X-Table", "rooms")], [("q", "1")], {"id": "C1="}
    )


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
def test_a_value_that_would_end_its_header_is_refused(text: str) -> None:
    parameters = RequestParameters({"integration.request.header.X": "route.request.body.x"})
    with pytest.raises(MappingError, match="control character"):
        parameters.apply(Sources(context={}, body={"x": text}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("integration.request.cookie.x", "'a'"),
        ("header.x", "'a'"),
        ("integration.request.header.a b", "'a'"),
        ("integration.request.header.x", "text without quotes"),
        ("integration.request.header.x", "'"),
        ("integration.request.header.x", "method.request.header.x"),
        ("integration.request.header.x", "route.request.bodyguard"),
        ("integration.request.header.x", "route.request.body[?(@.a)]"),
    ],
)
def test_a_parameter_that_is_not_supported_is_refused_when_it_is_read(key: str, value: str) -> None:
    with pytest.raises(MappingError, match="RequestParameters"):
        RequestParameters({key: value})


def test_an_address_is_filled_in() -> None:
    template = "http://${stageVariables.host}/rooms/{id}/{other}?v=${stageVariables.none}"
    assert uri(template, {"host": "h:1"}, {"id": "a/b c="}) == "http://h:1/rooms/a%2Fb%20c%3D/{other}?v="
    assert uri("http://h/{proxy+}", {}, {"proxy": "a"}) == "http://h/a"
    assert uri("http://h/{proxy+}", {}) == "http://h/{proxy+}"


@pytest.mark.parametrize(
    ("text", "key"),
    [("200", "/2\\d\\d/"), ("404", "/404/"), ("409", "/4\\d\\d/"), ("500", "$default"), ("1200", "$default")],
)
def test_the_first_response_whose_key_matches_as_a_whole_is_chosen(text: str, key: str) -> None:
    assert ResponseKeys(["$default", "/2\\d\\d/", "/404/", "/4\\d\\d/"]).choose(text) == key


def test_without_a_default_nothing_may_match() -> None:
    assert ResponseKeys(["/2\\d\\d/"]).choose("500") is None


def test_a_key_that_takes_too_long_does_not_match() -> None:
    assert ResponseKeys(["/(a|aa)+$/", "$default"]).choose("a" * 50_000 + "b") == "$default"


@pytest.mark.parametrize("key", ["200", "//", "/", "/(/", "", "$other"])
def test_a_response_key_that_is_neither_is_refused(key: str) -> None:
    with pytest.raises(MappingError, match="IntegrationResponseKey"):
        ResponseKeys(["$default", key])


@given(st.text(), st.text())
def test_any_parameters_are_read_or_refused(key: str, value: str) -> None:
    for candidate in (key, f"integration.request.header.{key}"):
        try:
            parameters = RequestParameters({candidate: value})
        except MappingError:
            continue
        parameters.apply(MESSAGE)
