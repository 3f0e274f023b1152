"""Route selection expressions.

Source: "Create routes for WebSocket APIs in API Gateway", Amazon API Gateway Developer Guide. An expression is static
text, `\\$default`, `$request.body.path`, or text with `${request.body.path}` in it, replaced in one pass. A path that
is not there gives an empty string. Only messages that are JSON are routed by content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from local.gateway.model import CONNECT, DEFAULT, DISCONNECT

if TYPE_CHECKING:
    from collections.abc import Container

Path = tuple[str | int, ...]

_VARIABLE = re.compile(r"\$\{(?P<braced>[^}]*)\}|\$(?P<bare>request\.body(?:\.[^.\[\]\s/$]+|\[[^\]]*\])*)")
_STEP = re.compile(r"""\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]""")
_MISSING = object()


class ExpressionError(ValueError):
    """A selection expression that cannot be evaluated; the text says which part and why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: literal text and paths into the body, in order."""

    parts: tuple[str | Path, ...]

    def evaluate(self, body: object) -> str:
        """The text that the expression yields for a decoded JSON `body`."""
        return "".join(part if isinstance(part, str) else _text(_walk(body, part)) for part in self.parts)


def parse(text: str) -> Expression:
    """Parse an expression such as `$request.body.action`; raises ExpressionError."""
    if text == r"\$default":
        return Expression((DEFAULT,))
    parts: list[str | Path] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        parts.append(text[end : match.start()])
        parts.append(_path(match["braced"] if match["braced"] is not None else match["bare"], text))
        end = match.end()
    parts.append(text[end:])
    if "$" in "".join(part for part in parts if isinstance(part, str)):
        raise ExpressionError(f"{text!r} is not a route selection expression: use $request.body.NAME")
    return Expression(tuple(part for part in parts if part != ""))


def select(expression: Expression, keys: Container[str], message: str) -> str | None:
    """The key of the route that `message` takes out of `keys`, or None when there is none for it.

    `$connect` and `$disconnect` cannot be reached by a message.
    """
    try:
        key = expression.evaluate(msgspec.json.decode(message))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        key = DEFAULT
    if key in keys and key not in {CONNECT, DISCONNECT}:
        return key
    return DEFAULT if DEFAULT in keys else None


def _path(source: str, whole: str) -> Path:
    if not source.startswith("request.body"):
        raise ExpressionError(f"{whole!r}: only request.body can select a route, not {source!r}")
    rest = source.removeprefix("request.body")
    steps: list[str | int] = []
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None or match["name"] == "*":
            raise ExpressionError(
                f"{whole!r}: the path {rest[position:]!r} is not supported; use .name, ['name'] or [0]"
            )
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(match["name"] if match["name"] is not None else match["key"])
        position = match.end()
    return tuple(steps)


def _walk(value: object, path: Path) -> object:
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step, _MISSING)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return _MISSING
    return value


def _text(value: object) -> str:
    """A value as API Gateway writes it into a route key: strings bare, arrays as `[item1, item2]`."""
    match value:
        case str():
            return value
        case _ if value is _MISSING or value is None:
            return ""
        case list():
            return f"[{', '.join(map(_text, value))}]"
        case _:
            return msgspec.json.encode(value).decode()
