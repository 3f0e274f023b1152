"""What an authorizer answers, and what an IAM policy allows.

Source: "Lambda authorizer output" and "Control access with Lambda REQUEST authorizers for WebSocket APIs", Amazon API
Gateway Developer Guide; "Policy evaluation logic", IAM User Guide. An explicit Deny wins, and what nothing allows is
denied. Of Condition blocks the operators in `_OPERATORS` and their negations are understood. A condition that is not
keeps an Allow from allowing and does not keep a Deny from denying.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import msgspec

INVOKE = "execute-api:Invoke"
MANAGE = "execute-api:ManageConnections"
_LARGEST = 8 * 1024
_Scalar = str | int | float | bool
_STATEMENT_KEYS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal"}
)


class PolicyError(ValueError):
    """An authorizer's answer that API Gateway would not take; clients see an internal server error."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy."""

    allow: bool
    actions: Sequence[str]
    resources: Sequence[str]
    not_actions: bool = False
    not_resources: bool = False
    conditions: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def covers(self, action: str, resource: str) -> bool:
        """Whether it speaks of the action on the resource; conditions aside. Actions have no case."""
        named = any(wildcard(pattern.lower()).fullmatch(action.lower()) for pattern in self.actions)
        if named is self.not_actions:
            return False
        return any(wildcard(pattern).fullmatch(resource) for pattern in self.resources) is not self.not_resources

    def applies(self, values: Mapping[str, str]) -> bool:
        """Whether its conditions hold for values by lower-case key, as `aws:sourceip`."""
        verdicts = [
            _holds(operator, expected, values.get(key.lower()))
            for operator, keys in self.conditions.items()
            for key, expected in keys.items()
        ]
        if False in verdicts:
            return False
        return not (self.allow and None in verdicts)


@dataclass(frozen=True, slots=True)
class Authorization:
    """An authorizer's answer. `context` is what every event of the connection carries."""

    principal_id: str
    statements: Sequence[Statement]
    context: Mapping[str, _Scalar]
    usage_identifier_key: str | None = None

    def allows(self, action: str, resource: str, values: Mapping[str, str] | None = None) -> bool:
        """Whether the policy allows an action on an ARN; `values` as for `allows`."""
        return allows(self.statements, action, resource, values)


def allows(
    statements: Sequence[Statement], action: str, resource: str, values: Mapping[str, str] | None = None
) -> bool:
    """Whether statements together allow an action on an ARN.

    `values` are those of the request that conditions may ask for, as `{"aws:SourceIp": "203.0.113.9"}`.
    """
    known = {key.lower(): value for key, value in (values or {}).items()}
    effects = [
        statement.allow for statement in statements if statement.covers(action, resource) and statement.applies(known)
    ]
    return bool(effects) and all(effects)


def parse(payload: bytes) -> Authorization:
    """Read what an authorizer function returned; raises PolicyError, which says what is wrong with it."""
    if len(payload) > _LARGEST:
        raise PolicyError(f"an authorizer's answer has at most {_LARGEST} bytes, this one has {len(payload)}")
    try:
        answer = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise PolicyError(f"the authorizer's answer is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise PolicyError("the authorizer's answer is not an object")
    principal = answer.get("principalId")
    if not isinstance(principal, str):
        raise PolicyError("the authorizer's answer has no text as principalId")
    context = answer.get("context") or {}
    if not isinstance(context, dict) or not all(isinstance(value, str | int | float) for value in context.values()):
        raise PolicyError("the authorizer's context may hold texts, numbers and booleans only")
    key = answer.get("usageIdentifierKey")
    if key is not None and not isinstance(key, str):
        raise PolicyError("the authorizer's usageIdentifierKey is not a text")
    return Authorization(principal, statements(answer.get("policyDocument")), context, key)


def statements(document: object) -> list[Statement]:
    """Read a policy document, decoded; raises PolicyError."""
    if not isinstance(document, dict):
        raise PolicyError("there is no policyDocument")
    found = document.get("Statement")
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or not found:
        raise PolicyError("the policyDocument has no Statement")
    return [_statement(statement) for statement in found]


def _statement(statement: object) -> Statement:
    if not isinstance(statement, dict):
        raise PolicyError("a Statement of the policyDocument is not an object")
    if unknown := sorted(map(str, statement.keys() - _STATEMENT_KEYS)):
        raise PolicyError(f"a Statement cannot have {unknown[0][:80]!r}")
    effect = statement.get("Effect")
    if effect not in {"Allow", "Deny"}:
        raise PolicyError("a Statement's Effect is Allow or Deny")
    actions, not_actions = _either(statement, "Action")
    resources, not_resources = _either(statement, "Resource")
    return Statement(
        effect == "Allow", actions, resources, not_actions, not_resources, _conditions(statement.get("Condition"))
    )


def _either(statement: Mapping[str, Any], name: Literal["Action", "Resource"]) -> tuple[Sequence[str], bool]:
    """The patterns under a key or its negation, of which there has to be one, and whether it is the negation."""
    if (name in statement) is (f"Not{name}" in statement):
        raise PolicyError(f"a Statement needs either {name} or Not{name}")
    negated = name not in statement
    patterns = _texts(statement[f"Not{name}" if negated else name])
    if not patterns:
        raise PolicyError(f"a Statement's {name} is a text or a list of texts")
    return patterns, negated


def _conditions(block: object) -> Mapping[str, Mapping[str, Sequence[str]]]:
    if block is None:
        return {}
    if not isinstance(block, dict) or not all(isinstance(keys, dict) for keys in block.values()):
        raise PolicyError("a Statement's Condition is an object of objects")
    return {operator: {key: _texts(expected) for key, expected in keys.items()} for operator, keys in block.items()}


def _texts(value: object) -> list[str]:
    values: list[Any] = value if isinstance(value, list) else [value]
    return values if all(isinstance(value, str) for value in values) else []


@lru_cache(maxsize=1024)
def wildcard(pattern: str) -> re.Pattern[str]:
    """A pattern with `*` for any text and `?` for any one character. It is matched as a whole, in linear time or so."""
    pieces = ["".join("." if c == "?" else re.escape(c) for c in piece) for piece in re.split(r"\*+", pattern)]
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL)
    first, *middle, last = pieces
    # Each middle piece is found at its first place and never moved again, which is always enough.
    found = "".join(f"(?>.*?{piece})" for piece in middle)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda expected, value: expected == value,
    "StringEqualsIgnoreCase": lambda expected, value: expected.lower() == value.lower(),
    "StringLike": lambda expected, value: wildcard(expected).fullmatch(value) is not None,
    "IpAddress": lambda expected, value: ipaddress.ip_address(value) in ipaddress.ip_network(expected, strict=False),
}


def _holds(operator: str, expected: Sequence[str], value: str | None) -> bool | None:
    """Whether a condition holds, None when that is not known. Without a value only a negation holds."""
    name = operator.replace("StringNot", "String").removeprefix("Not")
    negated = name != operator
    test = _OPERATORS.get(name)
    if test is None or not expected:
        return None
    if value is None:
        return negated
    try:
        return any(test(pattern, value) for pattern in expected) is not negated
    except ValueError:
        return None
