"""What an integration's settings say about the request that is made, and about its answer.

Source: "Data mapping for WebSocket APIs" and "Set up integration responses for WebSocket APIs", Amazon API Gateway
Developer Guide. Everything is parsed once, when the template is read; the rest happens at every message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec

from localcloud.gateway import jsonpath
from localcloud.gateway.effects import Handshake
from localcloud.gateway.jsonpath import MISSING
from localcloud.gateway.patterns import Pattern, PatternError
from localcloud.gateway.selection import DEFAULT

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_TARGET = re.compile(rf"integration\.request\.(?P<place>header|querystring|path)\.(?P<name>{_NAME})")
_CLIENT = re.compile(rf"route\.request\.(?P<place>(?:multivalue)?(?:header|querystring))\.(?P<name>{_NAME})")
_BODY = "route.request.body"
# What HTTP forbids in a header's value, and what would end it early.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_PATH_PARAMETER = re.compile(r"\{(?P<name>[A-Za-z0-9_.-]+)\+?\}")


class MappingError(ValueError):
    """A mapping that cannot be used, as the template has it or with the values of one request."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What parameters are taken from.

    `context` is nested as in `context.identity.sourceIp`; `body` is the message's decoded JSON, MISSING when it is not
    JSON; `handshake` is there on `$connect` only.
    """

    context: Mapping[str, Any]
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    body: object = MISSING
    handshake: Handshake | None = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request to an integration, in the order of the template."""

    headers: Sequence[tuple[str, str]] = ()
    query: Sequence[tuple[str, str]] = ()
    path: Mapping[str, str] = field(default_factory=dict)


_Source = Callable[[Sources], Sequence[str]]


class RequestParameters:
    """An integration's `RequestParameters`, parsed."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Raises MappingError naming the key or value that is not supported."""
        self._parameters: list[tuple[str, str, _Source]] = []
        for key, value in parameters.items():
            target = _TARGET.fullmatch(key)
            if target is None:
                raise MappingError(
                    f"RequestParameters: {key!r} is not supported; "
                    "use integration.request.header.NAME, .querystring.NAME or .path.NAME"
                )
            self._parameters.append((target["place"], target["name"], _source(value)))

    def apply(self, sources: Sources) -> Parameters:
        """The parameters of one request. What has no value in it is left out.

        Raises MappingError for a header that cannot be sent because of the value it would have.
        """
        headers: list[tuple[str, str]] = []
        query: list[tuple[str, str]] = []
        path: dict[str, str] = {}
        for place, name, source in self._parameters:
            for value in source(sources):
                if place == "querystring":
                    query.append((name, value))
                elif place == "path":
                    path[name] = value
                elif _UNSENDABLE.search(value):
                    raise MappingError(f"header {name}: its value has a control character in it")
                else:
                    headers.append((name, value))
        return Parameters(headers, query, path)


def uri(template: str, stage_variables: Mapping[str, str], path: Mapping[str, str] | None = None) -> str:
    """An `IntegrationUri` with its `${stageVariables.NAME}` and `{path parameter}` filled in.

    A variable that the stage has not becomes an empty text; a parameter that nothing maps stays as it is.
    """
    filled = _STAGE_VARIABLE.sub(lambda match: stage_variables.get(match[1], ""), template)
    if not path:
        return filled
    return _PATH_PARAMETER.sub(
        lambda match: quote(path[match["name"]], safe="") if match["name"] in path else match[0], filled
    )


class ResponseKeys:
    """The keys of an integration's responses: `/regular expression/`, or `$default` for the rest.

    The text they are tried on, an HTTP status or a function's `errorMessage`, has to match as a whole, as REST APIs'
    selection patterns do. The first in the template's order that does is chosen.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises MappingError naming a key that is neither."""
        self._default = DEFAULT in keys
        self._patterns: list[tuple[str, Pattern]] = []
        for key in keys:
            if key == DEFAULT:
                continue
            if len(key) < 3 or not (key.startswith("/") and key.endswith("/")):
                raise MappingError(f"IntegrationResponseKey {key!r} is neither $default nor a /regular expression/")
            try:
                self._patterns.append((key, Pattern(key[1:-1])))
            except PatternError as error:
                raise MappingError(f"IntegrationResponseKey {key!r}: {error}") from error

    def choose(self, text: str) -> str | None:
        """The key of the response that applies, or None when none does, which is an internal server error."""
        for key, pattern in self._patterns:
            try:
                if pattern.fullmatch(text):
                    return key
            except PatternError:
                continue
        return DEFAULT if self._default else None


def _source(value: str) -> _Source:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        literal = [value[1:-1]]
        return lambda _: literal
    if value.startswith("context."):
        names = value.split(".")[1:]
        return lambda sources: _texts(_nested(sources.context, names))
    if value.startswith("stageVariables."):
        name = value.removeprefix("stageVariables.")
        return lambda sources: _texts(sources.stage_variables.get(name, MISSING))
    if value == _BODY:
        return lambda sources: [sources.text]
    if value.startswith((f"{_BODY}.", f"{_BODY}[")):
        try:
            path = jsonpath.parse(value.removeprefix(_BODY))
        except jsonpath.PathError as error:
            raise MappingError(f"RequestParameters: {value!r}: {error}") from error
        return lambda sources: _texts(path.find(sources.body))
    if client := _CLIENT.fullmatch(value):
        return _client(client["place"], client["name"])
    raise MappingError(
        f"RequestParameters: {value!r} is not supported; use context.NAME, stageVariables.NAME, 'text', "
        "route.request.body.PATH or, on $connect, route.request.header.NAME and its like"
    )


def _client(place: str, name: str) -> _Source:
    """A header or a query parameter of the handshake: its last value, or with `multivalue…` all of them."""
    last = not place.startswith("multivalue")
    lowered = name.lower()

    def source(sources: Sources) -> Sequence[str]:
        if sources.handshake is None:
            return []
        if place.endswith("header"):
            values = [value for key, value in sources.handshake.headers if key.lower() == lowered]
        else:
            query = parse_qsl(sources.handshake.query, keep_blank_values=True)
            values = [value for key, value in query if key == name]
        return values[-1:] if last else values

    return source


def _nested(value: Any, names: Sequence[str]) -> object:
    for name in names:
        value = value.get(name, MISSING) if isinstance(value, Mapping) else MISSING
    return value


def _texts(value: object) -> Sequence[str]:
    if value is MISSING or value is None:
        return []
    return [value if isinstance(value, str) else msgspec.json.encode(value).decode()]
