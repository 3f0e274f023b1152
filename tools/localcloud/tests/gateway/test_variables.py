from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.gateway.effects import Handshake
from localcloud.gateway.variables import variables
from localcloud.gateway.vtl import RenderError, compile  # noqa: A004

CONTEXT: dict[str, Any] = {
    "connectionId": "C1=",
    "routeKey": "$default",
    "messageId": "M1=",
    "requestTimeEpoch": 1708326702184,
    "identity": {"sourceIp": "203.0.113.9", "userAgent": "test"},
    "authorizer": {"principalId": "me", "admin": "true"},
}
BODY = '{"a": {"b": [1, "x", null, true]}, "none": null, "text": "it\'s \\"q\\"", "flag": false, "_id": 7}'
HANDSHAKE = Handshake("/prod", "room=a&room=b&e=", (("X-Token", "t"), ("Host", "h")), "203.0.113.9")

# The template that hands a whole message on as JSON.
WHOLE = r"""{"connectionId":"$context.connectionId","routeKey":"$context.routeKey","messageId":"$context.messageId","requestTimeEpoch":$context.requestTimeEpoch,"body":"$util.escapeJavaScript($input.body).replaceAll("\\'","'")"}"""  # noqa: E501


def render(template: str, body: str = BODY, handshake: Handshake | None = None) -> str:
    return compile(template).render(variables(CONTEXT, body, {"table": "rooms", "a-b": "c"}, handshake))


@given(st.text())
def test_a_whole_message_arrives_as_it_was_sent(body: str) -> None:
    sent = json.loads(render(WHOLE, body))
    assert sent["body"].encode("utf-16", "surrogatepass") == body.encode("utf-16", "surrogatepass")
    assert (sent["connectionId"], sent["routeKey"], sent["requestTimeEpoch"]) == ("C1=", "$default", 1708326702184)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$context.connectionId", "C1="),
        ("$context.identity.sourceIp", "203.0.113.9"),
        ("$context.authorizer.principalId", "me"),
        ("$context.authorizer.nope", ""),
        ("$context.identity.user", ""),
        ("$context.error.messageString", ""),
        ("$context.nope", ""),
        ("$stageVariables.table", "rooms"),
        ("$stageVariables['table']", "rooms"),
        ("${stageVariables['a-b']}", "c"),
        ("$stageVariables.get('nope')", ""),
        ("#foreach($k in $stageVariables.keySet())$k #end", "table a-b "),
    ],
)
def test_context_and_stage_variables(template: str, expected: str) -> None:
    assert render(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$input.body", BODY),
        ("$input.json('$.a')", '{"b":[1,"x",null,true]}'),
        ("$input.json('$.text')", '"it\'s \\"q\\""'),
        ("$input.json('$.none')", "null"),
        ("$input.json('$.nope')", '""'),
        ("$input.json('$')", json.dumps(json.loads(BODY), separators=(",", ":"))),
        ("$input.path('$.a')", "{b=[1, x, null, true]}"),
        ("$input.path('$.a.b')", "[1, x, null, true]"),
        ("$input.path('$.a.b[1]')", "x"),
        ("$input.path('$').a.b.size()", "4"),
        ("$input.path('$').text", 'it\'s "q"'),
        ("$input.path('$')['_id']", "7"),
        ("$input.path('$.nope')", "$input.path('$.nope')"),
        ("$!input.path('$.nope')", ""),
        ("$input.path('$.flag')", "false"),
        ("#if($input.path('$.none'))a#{else}b#end", "b"),
        ("#if($input.path('$.flag'))a#{else}b#end", "b"),
        ("#if(!$input.path('$.nope'))a#{else}b#end", "a"),
        ("#set($p = $input.path('$'))#foreach($x in $p.a.b)$x,#end", "1,x,$x,true,"),
        ("$input.path('$..b').size()", "1"),
        ("$input.params()", "{path={}, querystring={}, header={}}"),
        ("<$input.params('room')>", "<>"),
        ("$input.nope('$')", "$input.nope('$')"),
    ],
)
def test_input(template: str, expected: str) -> None:
    assert render(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$input.params('room')", "b"),
        ("<$input.params('e')>", "<>"),
        ("$input.params('x-token')", "t"),
        ("$input.params().header.get('X-Token')", "t"),
        ("$input.params().querystring.room", "b"),
        ("#foreach($k in $input.params().keySet())$k #end", "path querystring header "),
    ],
)
def test_the_parameters_of_a_handshake(template: str, expected: str) -> None:
    assert render(template, "", HANDSHAKE) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$util.escapeJavaScript($x)", r"it\'s \"a\" \/ \\ \n \t \u00E9 \uD83D\uDE00 \u0001"),
        ("$util.urlEncode('a b&c=d/é~*')", "a+b%26c%3Dd%2F%C3%A9~*"),
        ("$util.urlDecode('a+b%26c%C3%A9')", "a b&cé"),
        ("$util.base64Encode('é')", "w6k="),
        ("$util.base64Decode('w6k=')", "é"),
        ('$util.parseJson(\'{"a": [1, {"b": true}]}\').a[1].b', "true"),
        ("$util.parseJson('5') $util.parseJson('\"t\"')", "5 t"),
        ("$util.nope('a')", "$util.nope('a')"),
        ("$util.urlEncode(5)", "$util.urlEncode(5)"),
    ],
)
def test_util(template: str, expected: str) -> None:
    given_variables = variables(CONTEXT, "", {}) | {"x": 'it\'s "a" / \\ \n \t é 😀 \x01'}
    assert compile(template).render(given_variables) == expected


@pytest.mark.parametrize(
    ("template", "body", "message"),
    [
        ("$input.path('$.a')", "not json", "the body is not JSON"),
        ("$input.json('$.a')", "[" * 100_000, "the body is not JSON"),
        ("$input.json('a')", "{}", r"does not begin with \$"),
        ("$input.path('$.a[?(@.b)]')", "{}", "is not supported"),
        ("$util.parseJson('{')", "", "parseJson is not JSON"),
        ("$util.base64Decode('a')", "", "base64Decode"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_rendering(template: str, body: str, message: str) -> None:
    with pytest.raises(RenderError, match=message):
        render(template, body)


def test_an_empty_body_has_nothing_in_it() -> None:
    assert render("$!input.path('$.a')<$input.body>$input.json('$')", "") == "<>null"
