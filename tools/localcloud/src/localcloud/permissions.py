"""Which functions API Gateway may invoke, by a template's `AWS::Lambda::Permission` resources.

Without one, the deployed API answers as if the function had failed, a handshake with 500; locally nothing else would
notice that a template lacks it. Source: "Resource-based policy permissions for AWS Lambda", AWS Lambda Developer Guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.gateway.policy import wildcard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localcloud.template import Stack

_TYPE = "AWS::Lambda::Permission"
_PRINCIPALS = frozenset({"apigateway.amazonaws.com", "*"})
_ACTIONS = frozenset({"lambda:invokefunction", "lambda:*", "*"})


@dataclass(frozen=True, slots=True)
class Permission:
    """A function that API Gateway may invoke, and on behalf of which ARNs: a pattern with `*` and `?`."""

    function: str
    source: str = "*"

    def covers(self, function_arn: str, source_arn: str) -> bool:
        """Whether it is for this function, invoked on behalf of this ARN."""
        return self.function == function_name(function_arn) and wildcard(self.source).fullmatch(source_arn) is not None


def read(stack: Stack) -> list[Permission]:
    """The permissions of a stack that are API Gateway's; LocalError for one that cannot be resolved."""
    found = []
    for logical_id in stack.resources(_TYPE):
        with stack.reading(logical_id):
            properties = stack.properties(logical_id)
            if properties.get("Principal") not in _PRINCIPALS or str(properties.get("Action")).lower() not in _ACTIONS:
                continue
            if str(properties.get("SourceAccount") or stack.account) != stack.account:
                continue
            name = function_name(str(properties["FunctionName"]))
            found.append(Permission(name, str(properties.get("SourceArn") or "*")))
    return found


def allow(permissions: Sequence[Permission], function_arn: str, source_arn: str) -> bool:
    """Whether API Gateway may invoke a function for a route, `arn:…:{api}/{stage}/{key}`, or an authorizer,
    `arn:…:{api}/authorizers/{id}`."""
    return any(permission.covers(function_arn, source_arn) for permission in permissions)


def function_name(function: str) -> str:
    """The bare name out of a name, an ARN or `account:function:name`, each with a version or an alias or without."""
    return function.rpartition("function:")[2].partition(":")[0]
