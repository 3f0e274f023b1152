"""Physical ids and attributes of resources, as this machine's cloud gives them out.

They are derived from the logical ids, so that a table or a function has the same name at every start.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.template import Stack

API = "AWS::ApiGatewayV2::Api"
FUNCTION = "AWS::Lambda::Function"
GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"
INTEGRATION = "AWS::ApiGatewayV2::Integration"
LAYER = "AWS::Lambda::LayerVersion"
PARAMETER = "AWS::SSM::Parameter"
SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a type, not a secret
LOG_GROUP = "AWS::Logs::LogGroup"
ROLE = "AWS::IAM::Role"
ROUTE = "AWS::ApiGatewayV2::Route"
ROUTE_RESPONSE = "AWS::ApiGatewayV2::RouteResponse"
STAGE = "AWS::ApiGatewayV2::Stage"
TABLE = "AWS::DynamoDB::Table"

# The property that names a resource, where the template gives one.
_NAME = {
    FUNCTION: "FunctionName",
    GLOBAL_TABLE: "TableName",
    LOG_GROUP: "LogGroupName",
    PARAMETER: "Name",
    ROLE: "RoleName",
    STAGE: "StageName",
    TABLE: "TableName",
}


def ref(stack: Stack, logical_id: str) -> str:
    """The physical id of a resource: its name in the template, or one made of the stack's name and its logical id."""
    kind = stack.type(logical_id)
    if kind == API:
        return _api_id(stack, logical_id)
    if kind == LAYER:
        return _arn(stack, "lambda", f"layer:{logical_id}:1")
    if kind == SECRET:
        return _arn(stack, "secretsmanager", f"secret:{name(stack, logical_id, 'Name')}")
    return name(stack, logical_id, _NAME.get(kind))


def name(stack: Stack, logical_id: str, key: str | None) -> str:
    """The name in the template under `key`, or one made of the stack's name and the logical id."""
    given = stack.own_property(logical_id, key) if key is not None else None
    return str(given) if given else f"{stack.name}-{logical_id}"


def attribute(stack: Stack, logical_id: str, name: str) -> str | None:
    """An attribute of a resource, or None for one that is not known here."""
    known = _ATTRIBUTES.get((stack.type(logical_id), name))
    return known(stack, ref(stack, logical_id)) if known else None


def _api_id(stack: Stack, logical_id: str) -> str:
    """Ten lower-case letters and digits, as API Gateway's ids are."""
    digest = int.from_bytes(hashlib.sha256(f"{stack.name}/{logical_id}".encode()).digest())
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(alphabet[digest // 36**place % 36] for place in range(10))


def _arn(stack: Stack, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{stack.region}:{stack.account}:{resource}"


_ATTRIBUTES: dict[tuple[str, str], Callable[[Stack, str], str]] = {
    (API, "ApiEndpoint"): lambda stack, id_: f"wss://{id_}.execute-api.{stack.region}.amazonaws.com",
    (API, "ApiId"): lambda _, id_: id_,
    (FUNCTION, "Arn"): lambda stack, name: _arn(stack, "lambda", f"function:{name}"),
    (GLOBAL_TABLE, "Arn"): lambda stack, name: _arn(stack, "dynamodb", f"table/{name}"),
    (LOG_GROUP, "Arn"): lambda stack, name: _arn(stack, "logs", f"log-group:{name}:*"),
    (PARAMETER, "Type"): lambda *_: "String",
    (ROLE, "Arn"): lambda stack, name: f"arn:aws:iam::{stack.account}:role/{name}",
    (TABLE, "Arn"): lambda stack, name: _arn(stack, "dynamodb", f"table/{name}"),
}
