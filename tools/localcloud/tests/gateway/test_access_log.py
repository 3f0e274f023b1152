from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.gateway.access_log import AccessLog, FormatError

CONTEXT = {
    "requestId": "R1=",
    "routeKey": "$connect",
    "status": 200,
    "requestTimeEpoch": 1708326702184,
    "identity": {"sourceIp": "203.0.113.9", "userAgent": 'a "b"\n[forged] line'},
    "authorizer": {"principalId": "me", "admin": True},
    "messageId": None,
    "integrationErrorMessage": "",
}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '$context.identity.sourceIp [$context.requestTime] "$context.routeKey" $context.status $context.requestId',
            '203.0.113.9 [-] "$connect" 200 R1=',
        ),
        (
            '{"id":"$context.requestId","at":$context.requestTimeEpoch,"who":"$context.authorizer.principalId"}',
            '{"id":"R1=","at":1708326702184,"who":"me"}',
        ),
        ("${context.requestId}$context.authorizer.admin", "R1=true"),
        ("$context.requestId $context.messageId $context.integrationErrorMessage", "R1= - -"),
        (
            "$context.requestId $context.nope $context.identity.nope $context.status.nope $context.identity",
            "R1= - - - -",
        ),
        ("$context.requestId.", "R1=."),
        ("$context.requestId $input.body $contextual $", "R1= $input.body $contextual $"),
        ("  $context.requestId\n", "R1="),
    ],
)
def test_a_line_has_the_values_of_its_variables(text: str, line: str) -> None:
    assert AccessLog(text).line(CONTEXT) == line


def test_a_client_cannot_forge_a_line() -> None:
    line = AccessLog('{"id":"$context.requestId","agent":"$context.identity.userAgent"}').line(CONTEXT)
    assert "\n" not in line
    assert json.loads(line)["agent"] == CONTEXT["identity"]["userAgent"]  # type: ignore[index]


@given(st.text())
def test_whatever_a_value_the_line_is_one_of_json(value: str) -> None:
    line = AccessLog('{"id":"$context.requestId"}').line({"requestId": value})
    assert json.loads(line)["id"] == (value or "-")
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$context.status", "must contain"),
        ("", "must contain"),
        ("$context.requestId\n$context.status", "single line"),
        ("$context.requestId" + "x" * 3072, "at most 3 KB"),
    ],
)
def test_a_format_that_aws_refuses_is_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        AccessLog(text)


def test_the_extended_id_is_enough() -> None:
    assert AccessLog("$context.extendedRequestId").line({"extendedRequestId": "R1="}) == "R1="
