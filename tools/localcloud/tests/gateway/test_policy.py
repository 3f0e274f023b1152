from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.gateway.policy import INVOKE, MANAGE, PolicyError, allows, parse, statements

CONNECT = "arn:aws:execute-api:us-east-1:123456789012:abcde12345/prod/$connect"
POST = "arn:aws:execute-api:us-east-1:123456789012:abcde12345/prod/POST/@connections/C1="
VALUES = {"aws:SourceIp": "203.0.113.9", "aws:UserAgent": "Test/1.0"}


def statement(effect: str = "Allow", **keys: Any) -> dict[str, Any]:
    usual = {"Effect": effect, "Action": INVOKE, "Resource": CONNECT}
    return {key: value for key, value in (usual | keys).items() if value is not None}


def answer(*found: dict[str, Any], **keys: Any) -> bytes:
    document = {"Version": "2012-10-17", "Statement": list(found) or [statement()]}
    return json.dumps({"principalId": "me", "policyDocument": document} | keys).encode()


def allowed(*found: dict[str, Any], action: str = INVOKE, resource: str = CONNECT) -> bool:
    return allows(statements({"Statement": list(found)}), action, resource, VALUES)


def test_what_an_authorizer_answers() -> None:
    found = parse(answer(context={"room": "a", "level": 5, "ratio": 0.5, "admin": True}, usageIdentifierKey="k"))
    assert found.principal_id == "me"
    assert found.context == {"room": "a", "level": 5, "ratio": 0.5, "admin": True}
    assert found.usage_identifier_key == "k"
    assert found.allows(INVOKE, CONNECT)
    assert not found.allows(INVOKE, POST)


def test_a_single_statement_needs_no_list_and_the_context_may_be_missing() -> None:
    found = parse(json.dumps({"principalId": "me", "policyDocument": {"Statement": statement()}}).encode())
    assert found.allows(INVOKE, CONNECT)
    assert found.context == {}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"not json", "is not JSON"),
        (b"[" * 5_000, "is not JSON"),
        (b'"Allow"', "is not an object"),
        (b'{"isAuthorized": true}', "no text as principalId"),
        (answer(principalId=5), "no text as principalId"),
        (b'{"principalId": "me"}', "there is no policyDocument"),
        (b'{"principalId": "me", "policyDocument": {}}', "has no Statement"),
        (b'{"principalId": "me", "policyDocument": {"Statement": []}}', "has no Statement"),
        (b'{"principalId": "me", "policyDocument": {"Statement": [5]}}', "is not an object"),
        (answer(statement("allow")), "Effect is Allow or Deny"),
        (answer(statement(Effect=None)), "Effect is Allow or Deny"),
        (answer(statement(Action=None)), "either Action or NotAction"),
        (answer(statement(NotAction="a")), "either Action or NotAction"),
        (answer(statement(Resource=5)), "Resource is a text"),
        (answer(statement(Resource=[])), "Resource is a text"),
        (answer(statement(Resource=None)), "either Resource or NotResource"),
        (answer(statement(Condition=[])), "Condition is an object"),
        (answer(statement(Conditions={})), "cannot have 'Conditions'"),
        (answer(context={"a": {"nested": 1}}), "texts, numbers and booleans only"),
        (answer(context={"a": None}), "texts, numbers and booleans only"),
        (answer(context=["a"]), "texts, numbers and booleans only"),
        (answer(usageIdentifierKey=5), "usageIdentifierKey is not a text"),
        (answer(context={"a": "x" * 9_000}), "at most 8192 bytes"),
    ],
)
def test_an_answer_that_is_wrong_is_refused_with_the_reason(payload: bytes, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        parse(payload)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([statement()], True),
        ([statement("Deny")], False),
        ([statement(), statement("Deny")], False),
        ([statement("Deny"), statement()], False),
        ([statement("Deny", Resource=POST), statement()], True),
        ([statement(Action="execute-api:*")], True),
        ([statement(Action="EXECUTE-API:invoke")], True),
        ([statement(Action="*")], True),
        ([statement(Action="execute-api:Manage*")], False),
        ([statement(Action=["a:b", INVOKE])], True),
        ([statement(Action=None, NotAction=MANAGE)], True),
        ([statement(Action=None, NotAction="execute-api:*")], False),
        ([statement(Resource="*")], True),
        ([statement(Resource="arn:aws:execute-api:us-east-1:*:abcde12345/*")], True),
        ([statement(Resource="arn:aws:execute-api:us-east-1:*:other/*")], False),
        ([statement(Resource="arn:aws:execute-api:??-east-1:*/$connect")], True),
        ([statement(Resource=CONNECT.upper())], False),
        ([statement(Resource=CONNECT[:-1])], False),
        ([statement(Resource=[POST, CONNECT])], True),
        ([statement(Resource=None, NotResource=POST)], True),
        ([statement(Resource=None, NotResource=CONNECT)], False),
        ([statement(Resource="*a*b*c*d*e*1*$connect")], True),
        ([statement(Resource="arn.aws.*")], False),
    ],
)
def test_what_a_policy_allows(found: list[dict[str, Any]], expected: bool) -> None:
    assert allowed(*found) is expected


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.9"]}}, True),
        ({"IpAddress": {"aws:sourceip": "10.0.0.0/8"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, False),
        ({"StringEquals": {"aws:UserAgent": "Test/1.0"}}, True),
        ({"StringEquals": {"aws:UserAgent": "test/1.0"}}, False),
        ({"StringEqualsIgnoreCase": {"aws:UserAgent": "test/1.0"}}, True),
        ({"StringNotEquals": {"aws:UserAgent": "Other"}}, True),
        ({"StringLike": {"aws:UserAgent": "Test/*"}}, True),
        ({"StringNotLike": {"aws:UserAgent": "Test/*"}}, False),
        ({"StringEquals": {"aws:Referer": "x"}}, False),
        ({"StringNotEquals": {"aws:Referer": "x"}}, True),
        ({"StringLike": {"aws:UserAgent": "T*"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
    ],
)
def test_a_condition_decides_for_allow_and_deny_alike(condition: dict[str, Any], holds: bool) -> None:
    assert allowed(statement(Condition=condition)) is holds
    assert allowed(statement(), statement("Deny", Condition=condition)) is not holds


@pytest.mark.parametrize(
    "condition",
    [{"DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}}, {"IpAddress": {"aws:SourceIp": "nonsense"}}],
)
def test_a_condition_that_is_not_understood_lets_nothing_in(condition: dict[str, Any]) -> None:
    assert not allowed(statement(Condition=condition))
    assert not allowed(statement(), statement("Deny", Condition=condition))


def test_a_pattern_full_of_wildcards_takes_no_time() -> None:
    began = time.process_time()
    assert not allowed(statement(Resource="*a" * 2_000 + "b"), resource="a" * 50_000)
    assert time.process_time() - began < 5  # trying every way to share the text out would take for ever


@given(st.text(alphabet="ab?*", max_size=8), st.text(alphabet="ab", max_size=8))
def test_wildcards_match_as_by_the_definition(pattern: str, text: str) -> None:
    def matches(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return matches(pattern[1:], text) or (bool(text) and matches(pattern, text[1:]))
        return bool(text) and pattern[0] in {"?", text[0]} and matches(pattern[1:], text[1:])

    if pattern:
        assert allowed(statement(Resource=pattern), resource=text) is matches(pattern, text)
