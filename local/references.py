"""Dynamic references: values that CloudFormation looks up in Secrets Manager and Parameter Store when it deploys.

Source: "Get values stored in other services using dynamic references", AWS CloudFormation User Guide. Forms:
`{{resolve:ssm:NAME[:VERSION]}}`, `{{resolve:ssm-secure:NAME[:VERSION]}}` and
`{{resolve:secretsmanager:ID[:SecretString[:JSON-KEY[:STAGE[:VERSION-ID]]]]}}`, where ID is a name or an ARN.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REFERENCE = re.compile(r"\{\{resolve:(?P<service>[a-z0-9-]+):(?P<rest>[^{}]+)\}\}")
_SECRET = re.compile(
    r"(?P<id>arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+|[^:]+)"
    r"(?::SecretString(?::(?P<key>[^:]*)(?::(?P<stage>[^:]*)(?::(?P<version>[^:]*))?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A read of one value: the service, the method, its arguments, and which part of the answer is meant."""

    service: str
    method: str
    arguments: Mapping[str, Any]
    json_key: str = ""

    def value(self, answer: Mapping[str, Any]) -> str:
        """The value in the service's answer. KeyError or ValueError when it is not there."""
        if self.service == "ssm":
            return str(answer["Parameter"]["Value"])
        secret = str(answer["SecretString"])
        return str(json.loads(secret)[self.json_key]) if self.json_key else secret


def holds(text: str) -> bool:
    """Whether a text has a dynamic reference in it."""
    return "{{resolve:" in text


def substitute(text: str, fetch: Callable[[Lookup], str]) -> str:
    """A text with its references replaced by what `fetch` gives; LocalError for one that cannot be understood."""
    return _REFERENCE.sub(lambda match: fetch(parse(match["service"], match["rest"])), text)


def parse(service: str, rest: str) -> Lookup:
    """The read that a reference asks for; `rest` is what follows the service."""
    if service in {"ssm", "ssm-secure"}:
        name, _, version = rest.partition(":")
        return Lookup(
            "ssm", "get_parameter", {"Name": f"{name}:{version}" if version else name, "WithDecryption": True}
        )
    match = _SECRET.fullmatch(rest) if service == "secretsmanager" else None
    if match is None:
        raise LocalError(f"the dynamic reference {{{{resolve:{service}:{rest}}}}} is not one that is supported here")
    # An ARN is known here by the name in it: the six characters that AWS adds to it are not.
    arguments: dict[str, Any] = {"SecretId": match["id"].rpartition(":secret:")[2]}
    if match["stage"]:
        arguments["VersionStage"] = match["stage"]
    if match["version"]:
        arguments["VersionId"] = match["version"]
    return Lookup("secretsmanager", "get_secret_value", arguments, match["key"] or "")
