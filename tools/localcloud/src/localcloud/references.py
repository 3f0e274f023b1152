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

from localcloud.aws.client import CallError, Client
from localcloud.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_REFERENCE = re.compile(r"\{\{resolve:(?P<service>[a-z0-9-]+):(?P<rest>[^{}]+)\}\}")
_SECRET = re.compile(
    r"(?P<id>arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+|[^:]+)"
    r"(?::SecretString(?::(?P<key>[^:]*)(?::(?P<stage>[^:]*)(?::(?P<version>[^:]*))?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A read of one value: the service, the operation, its arguments, and which part of the answer is meant."""

    service: str
    operation: str
    arguments: Mapping[str, Any]
    json_key: str = ""

    def value(self, answer: Mapping[str, Any]) -> str:
        """The value in the service's answer. KeyError or ValueError when it is not there."""
        if self.service == "ssm":
            return str(answer["Parameter"]["Value"])
        secret = str(answer["SecretString"])
        return str(json.loads(secret)[self.json_key]) if self.json_key else secret


def find(text: str) -> dict[str, Lookup]:
    """The references in a text, as they are written, and what each asks for; LocalError for one that is not known."""
    return {match[0]: parse(match["service"], match["rest"]) for match in _REFERENCE.finditer(text)}


async def substitute(text: str, fetch: Callable[[Lookup], Awaitable[str]]) -> str:
    """A text with its references replaced by what `fetch` gives."""
    for reference, lookup in find(text).items():
        text = text.replace(reference, await fetch(lookup))
    return text


def parse(service: str, rest: str) -> Lookup:
    """The read that a reference asks for; `rest` is what follows the service."""
    if service in {"ssm", "ssm-secure"}:
        name, _, version = rest.partition(":")
        return Lookup("ssm", "GetParameter", {"Name": f"{name}:{version}" if version else name, "WithDecryption": True})
    match = _SECRET.fullmatch(rest) if service == "secretsmanager" else None
    if match is None:
        raise LocalError(f"the dynamic reference {{{{resolve:{service}:{rest}}}}} is not one that is supported here")
    # An ARN is known here by the name in it: the six characters that AWS adds to it are not.
    arguments: dict[str, Any] = {"SecretId": match["id"].rpartition(":secret:")[2]}
    if match["stage"]:
        arguments["VersionStage"] = match["stage"]
    if match["version"]:
        arguments["VersionId"] = match["version"]
    return Lookup("secretsmanager", "GetSecretValue", arguments, match["key"] or "")


class Values:
    """The values that references ask for, read from the local AWS endpoint."""

    def __init__(self, url: str, region: str) -> None:
        self._clients = {
            "ssm": Client(url, region, "ssm", "AmazonSSM"),
            "secretsmanager": Client(url, region, "secretsmanager", "secretsmanager"),
        }

    async def fetch(self, lookup: Lookup) -> str:
        """One value; LocalError, which holds no secret, when it is not there."""
        name = lookup.arguments.get("Name") or lookup.arguments.get("SecretId")
        where = f"{lookup.service} {name!r}, which the template refers to"
        try:
            answer = await self._clients[lookup.service].call(lookup.operation, **lookup.arguments)
        except CallError as error:
            raise LocalError(f"{where}: {error}") from error
        try:
            return lookup.value(answer)
        except (KeyError, TypeError, ValueError):
            raise LocalError(f"{where}: it has no {lookup.json_key or 'value'}") from None

    def close(self) -> None:
        """End the connections."""
        for client in self._clients.values():
            client.close()
