r"""Selection expressions: which route a message takes, which template or integration response applies.

Source: "WebSocket selection expressions in API Gateway", Amazon API Gateway Developer Guide. An expression is static
text, `\$default`, one variable as `$request.body.path`, or text with `${request.body.path}` in it, replaced in one
pass. A path that is not there gives an empty string. Only messages that are JSON are routed by content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

import msgspec

from localcloud.gateway import jsonpath
from localcloud.gateway.jsonpath import MISSING, Path

_VARIABLE = re.compile(
    r"""\$\{(?P<braced>[^}]*)\} | \$(?P<bare>(?:request|integration|response)(?:\.{1,2}[^.\[\]\s/$]+|\[[^\]]*\])*)""",
    re.VERBOSE,
)
_RESPONSE = re.compile(
    r"""(?:integration\.)?response\.(?:
    (?P<status>statuscode) | (?P<kind>header|multivalueheader)\.(?P<header>[A-Za-z0-9!\#$%&'*+.^_`|~-]+)
    | body(?P<path>(?:[.\[].*)?))""",
    re.VERBOSE | re.DOTALL,
)

CONNECT, DISCONNECT, DEFAULT = "$connect", "$disconnect", "$default"
LIFECYCLE = frozenset({CONNECT, DISCONNECT})


class ExpressionError(ValueError):
    """A selection expression that cannot be evaluated; the text says which part and why."""


@dataclass(frozen=True, slots=True)
class Response:
    """What an integration answered; `body` is decoded JSON, or MISSING."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: object = MISSING


Part = str | Path | Callable[[Response], object]


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: literal text, paths into the message and, where allowed, parts of a response, in order."""

    parts: tuple[Part, ...]

    def evaluate(self, body: object, response: Response | None = None) -> str:
        """The text that the expression yields for a message's decoded JSON `body` and an integration's answer."""
        texts = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
            elif isinstance(part, Path):
                texts.append(text(part.find(body)))
            elif response is not None:
                texts.append(text(part(response)))
        return "".join(texts)


def parse(source: str, *, response: bool = False) -> Expression:
    """Parse an expression such as `$request.body.action`; raises ExpressionError.

    With `response`, parts of an integration's answer can be named too: `$integration.response.statuscode`,
    `.header.NAME`, `.multivalueheader.NAME` and `.body.PATH`.
    """
    if source == r"\$default":
        return Expression((DEFAULT,))
    parts: list[Part] = []
    end = 0
    for match in _VARIABLE.finditer(source):
        parts.append(source[end : match.start()])
        parts.append(_variable(match["braced"] if match["braced"] is not None else match["bare"], source, response))
        end = match.end()
    parts.append(source[end:])
    if "$" in "".join(part for part in parts if isinstance(part, str)):
        raise ExpressionError(f"{source!r} is not a selection expression: use $request.body.NAME")
    return Expression(tuple(part for part in parts if part != ""))


def select(
    expression: Expression, keys: Container[str], message: str, barred: Container[str] = LIFECYCLE
) -> str | None:
    """The key of the route that `message` takes out of `keys`, or None when there is none for it.

    Those that are `barred` cannot be reached by a message.
    """
    try:
        key = expression.evaluate(msgspec.json.decode(message))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        key = DEFAULT
    if key in keys and key not in barred:
        return key
    return DEFAULT if DEFAULT in keys else None


def text(value: object) -> str:
    """A value as API Gateway writes it into a key: strings bare, arrays as `[item1, item2]`, nothing as no text."""
    match value:
        case str():
            return value
        case _ if value is MISSING or value is None:
            return ""
        case list():
            return f"[{', '.join(map(text, value))}]"
        case _:
            return msgspec.json.encode(value).decode()


def _variable(name: str, whole: str, response: bool) -> Part:
    try:
        if name == "request.body" or name.startswith(("request.body.", "request.body[")):
            return jsonpath.parse(name.removeprefix("request.body"))
        match = _RESPONSE.fullmatch(name) if response else None
        if match is None:
            known = "request.body and integration.response" if response else "request.body"
            raise ExpressionError(f"{whole!r}: {name!r} selects nothing here; it can be {known} only")
        if match["status"]:
            return lambda answer: str(answer.status)
        if match["header"]:
            return _header(match["header"].lower(), every=match["kind"] == "multivalueheader")
        path = jsonpath.parse(match["path"])
        return lambda answer: path.find(answer.body)
    except jsonpath.PathError as error:
        raise ExpressionError(f"{whole!r}: {error}") from error


def _header(name: str, *, every: bool) -> Part:
    """A header of an answer: its last value, or all of them."""

    def find(answer: Response) -> object:
        values = [value for key, value in answer.headers if key.lower() == name]
        return values if every else (values[-1] if values else MISSING)

    return find
