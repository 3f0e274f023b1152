from __future__ import annotations

from typing import Any

import pytest

from localcloud import permissions
from localcloud.template import ACCOUNT, Stack

API = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:api"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:chat"


def allowed(source: str = f"{API}/prod/$connect", function: str = ARN, **changes: Any) -> bool:
    """Whether a function may be invoked for a route, by one permission with these changes; None takes a key away."""
    usual = {"Action": "lambda:InvokeFunction", "FunctionName": "chat", "Principal": "apigateway.amazonaws.com"}
    properties = {key: value for key, value in (usual | changes).items() if value is not None}
    template = {"Resources": {"P": {"Type": "AWS::Lambda::Permission", "Properties": properties}}}
    return permissions.allow(permissions.read(Stack("S", template)), function, source)


@pytest.mark.parametrize(
    "name",
    ["chat", ARN, f"{ARN}:live", f"{ACCOUNT}:function:chat", "chat:3", {"Fn::Sub": "arn:aws:lambda:x:y:function:chat"}],
)
def test_a_function_may_be_named_in_any_way(name: Any) -> None:
    assert allowed(FunctionName=name)
    assert not allowed(FunctionName=name, function=f"{ARN}-other")


@pytest.mark.parametrize(
    ("pattern", "source", "expected"),
    [
        (None, f"{API}/prod/$connect", True),
        (f"{API}/*", f"{API}/prod/$connect", True),
        (f"{API}/*/*$connect", f"{API}/prod/$connect", True),
        (f"{API}/prod/$connect", f"{API}/prod/$connect", True),
        (f"{API}/*/$disconnect", f"{API}/prod/$connect", False),
        (f"{API}/dev/*", f"{API}/prod/$connect", False),
        ("arn:aws:execute-api:*:*:other/*", f"{API}/prod/$connect", False),
        (f"{API}/authorizers/a1", f"{API}/authorizers/a1", True),
        (f"{API}/*/*", f"{API}/authorizers/a1", True),
        ({"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:api/*"}, f"{API}/prod/x", True),
    ],
)
def test_a_source_arn_says_for_which_routes(pattern: Any, source: str, expected: bool) -> None:
    assert allowed(source, SourceArn=pattern) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": "events.amazonaws.com"}, False),
        ({"Action": "lambda:*"}, True),
        ({"Action": "lambda:invokeFunction"}, True),
        ({"Action": "lambda:GetFunction"}, False),
        ({"SourceAccount": ACCOUNT}, True),
        ({"SourceAccount": "210987654321"}, False),
    ],
)
def test_it_has_to_be_api_gateways_and_for_invoking(changes: dict[str, Any], expected: bool) -> None:
    assert allowed(**changes) is expected


def test_without_a_permission_nothing_may_be_invoked() -> None:
    assert permissions.read(Stack("S", {"Resources": {}})) == []
    assert not permissions.allow([], ARN, f"{API}/prod/$connect")
