"""The integrations of an API out of a template, with what maps requests to them and their answers back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast, get_args
from urllib.parse import urlsplit

from localcloud import resources
from localcloud.errors import LocalError
from localcloud.gateway import mapping, selection, vtl
from localcloud.gateway.model import Integration, Kind, Passthrough, Responses, Templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.template import Stack

_FUNCTION_ARN = re.compile(r"arn:aws[^:]*:apigateway:[^:]+:lambda:path/2015-03-31/functions/(?P<arn>.+)/invocations")
_TIMEOUTS = (50, 29_000)  # milliseconds, by API Gateway's quotas


def read(stack: Stack, logical_id: str, stage_variables: Mapping[str, str]) -> Integration:
    """An integration; LocalError with its logical id for one that cannot run here."""
    with stack.reading(logical_id):
        try:
            return _integration(stack, logical_id, stage_variables)
        except (mapping.MappingError, selection.ExpressionError, vtl.TemplateError) as error:
            raise LocalError(f"{stack.name}.{logical_id}: {error}") from error


def function_arn(uri: object, stage_variables: Mapping[str, str]) -> str | None:
    """The ARN, without an alias or a version, of the function that a URI invokes; None when it invokes none."""
    match = _FUNCTION_ARN.fullmatch(mapping.uri(str(uri), stage_variables))
    return ":".join(match["arn"].split(":")[:7]) if match is not None else None


def _integration(stack: Stack, logical_id: str, stage_variables: Mapping[str, str]) -> Integration:
    properties = stack.properties(logical_id)
    where = f"{stack.name}.{logical_id}"
    uri, kind = properties.get("IntegrationUri"), cast("Kind", str(properties.get("IntegrationType")))
    if kind not in get_args(Kind):
        raise LocalError(f"{where}: there is no integration type {kind!r}: use {', '.join(get_args(Kind))}")
    arn = function_arn(uri, stage_variables) if kind.startswith("AWS") else ""
    if arn is None:
        raise LocalError(f"{where}: its IntegrationUri {uri!r} names no Lambda function, and nothing else runs here")
    url = mapping.uri(str(uri), stage_variables) if kind.startswith("HTTP") else ""
    if kind.startswith("HTTP") and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
        raise LocalError(f"{where}: its IntegrationUri {uri!r} is no http:// or https:// address")
    parameters = properties.get("RequestParameters")
    content = properties.get("ContentHandlingStrategy")
    proxy = kind.endswith("_PROXY")
    return Integration(
        function_arn=arn,
        timeout=_timeout(where, properties.get("TimeoutInMillis", 29_000)),
        kind=kind,
        url=url,
        method=_method(properties.get("IntegrationMethod")),
        private=properties.get("ConnectionType") == "VPC_LINK",
        parameters=mapping.RequestParameters(parameters) if parameters and kind != "AWS_PROXY" else None,
        templates=None if proxy else _templates(where, properties, "RequestTemplates"),
        responses=None if proxy else _responses(stack, logical_id),
        to_binary=content == "CONVERT_TO_BINARY",
        to_text=content == "CONVERT_TO_TEXT",
        has_role=bool(properties.get("CredentialsArn")),
    )


def _timeout(where: str, value: object) -> float:
    milliseconds = int(cast("int", value))
    least, most = _TIMEOUTS
    if not least <= milliseconds <= most:
        raise LocalError(f"{where}: its TimeoutInMillis is {milliseconds}; API Gateway takes {least} to {most}")
    return milliseconds / 1000


def _method(value: object) -> str:
    """A message has no method of its own that ANY could stand for."""
    return "POST" if value in {None, "", "ANY"} else str(value).upper()


def _templates(where: str, properties: Mapping[str, Any], name: str, *, response: bool = False) -> Templates:
    expression = properties.get("TemplateSelectionExpression")
    passthrough = properties.get("PassthroughBehavior") or "WHEN_NO_MATCH"
    if passthrough not in get_args(Passthrough):
        raise LocalError(f"{where}: there is no PassthroughBehavior {passthrough!r}")
    compiled = {}
    for key, text in (properties.get(name) or {}).items():
        try:
            compiled[key] = vtl.compile(text)
        except vtl.TemplateError as error:
            raise LocalError(f"{where}: {name} {key!r}: {error}") from error
    parsed = selection.parse(expression, response=response) if expression else None
    return Templates(compiled, parsed, cast("Passthrough", passthrough))


def _responses(stack: Stack, logical_id: str) -> Responses | None:
    integration = stack.ref(logical_id)
    found: dict[str, Templates] = {}
    to_text = set()
    for response in stack.resources(resources.INTEGRATION_RESPONSE):
        with stack.reading(response):
            properties = stack.properties(response)
            if properties.get("IntegrationId") != integration:
                continue
            key = properties["IntegrationResponseKey"]
            where = f"{stack.name}.{response}"
            found[key] = _templates(where, properties, "ResponseTemplates", response=True)
            if properties.get("ContentHandlingStrategy") == "CONVERT_TO_TEXT":
                to_text.add(key)
    return Responses(mapping.ResponseKeys(list(found)), found, frozenset(to_text)) if found else None
