"""A stage's access log: its format, and the line that one request adds.

Source: "Configure logging for a WebSocket API", Amazon API Gateway Developer Guide. A format is text with
`$context.name.name` in it; a variable that has no value is written as `-`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_VARIABLE = re.compile(r"\$context((?:\.[A-Za-z0-9_]+)+)|\$\{context((?:\.[A-Za-z0-9_]+)+)\}")
_LONGEST = 3 * 1024


class FormatError(ValueError):
    """A format that API Gateway refuses."""


class AccessLog:
    """A format, parsed."""

    def __init__(self, text: str) -> None:
        """Raises FormatError: a format has at most 3 KB, one line, and the request's id in it."""
        if len(text.encode()) > _LONGEST:
            raise FormatError("an access log's format has at most 3 KB")
        single = text.strip()
        if "\n" in single or "\r" in single:
            raise FormatError("an access log's format is a single line")
        self._parts: list[str | Sequence[str]] = []
        end = 0
        for match in _VARIABLE.finditer(single):
            self._parts.append(single[end : match.start()])
            self._parts.append((match[1] or match[2])[1:].split("."))
            end = match.end()
        self._parts.append(single[end:])
        if ["requestId"] not in self._parts and ["extendedRequestId"] not in self._parts:
            raise FormatError("an access log's format must contain $context.requestId or $context.extendedRequestId")

    def line(self, context: Mapping[str, Any]) -> str:
        """The line for one request, without its end; `context` is nested, as `{"identity": {"sourceIp": …}}`.

        A value's quotes, control characters and what is not ASCII are escaped as in JSON: no client can forge a line.
        """
        return "".join(part if isinstance(part, str) else _value(context, part) for part in self._parts)


def _value(context: Any, names: Sequence[str]) -> str:
    found = context
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    if found is None or found == "" or isinstance(found, Mapping):
        return "-"
    text = json.dumps(found)
    return text[1:-1] if isinstance(found, str) else text
