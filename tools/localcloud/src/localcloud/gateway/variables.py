"""What a mapping template is given: `$context`, `$input`, `$util` and `$stageVariables`.

Source: "WebSocket API mapping template reference", Amazon API Gateway Developer Guide. A variable of `$context` or
`$stageVariables` that has no value is the empty text, and so is a parameter that was not sent.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote_plus, unquote_plus

import msgspec

from localcloud.gateway import jsonpath
from localcloud.gateway.effects import Handshake
from localcloud.gateway.jsonpath import MISSING
from localcloud.gateway.vtl import Blank, Method, Methods, RenderError, Tool, table

# In this order: what the others bring in must not be escaped again.
_ESCAPES = (
    *(("\\", "\\\\"), ('"', '\\"'), ("'", "\\'"), ("/", "\\/")),
    *(("\b", "\\b"), ("\f", "\\f"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")),
)
_NOT_PRINTABLE = re.compile(r"[^ -~]")


def variables(
    context: Mapping[str, Any], body: str, stage_variables: Mapping[str, str], handshake: Handshake | None = None
) -> dict[str, Any]:
    """The variables for `Template.render`.

    `context` is nested, as `{"connectionId": …, "identity": {"sourceIp": …}}`; `body` is the message's text, or the
    body that an integration answered with; `handshake` is there on `$connect` only.
    """
    blanks = {name: Blank(context.get(name) or {}) for name in ("identity", "authorizer", "error")}
    return {
        "context": Blank({**context, **blanks}),
        "input": Input(body, handshake),
        "util": _UTIL,
        "stageVariables": Blank(stage_variables),
    }


class Input(Tool):
    """`$input`: the body as text, parts of it by JSONPath, and the handshake's parameters."""

    __slots__ = ("_body", "_decoded", "_handshake")

    def __init__(self, body: str, handshake: Handshake | None = None) -> None:
        self._body = body
        self._handshake = handshake
        self._decoded: Any = MISSING

    def path(self, path: str) -> Any:
        """The value at a JSONPath, null when there is none; raises RenderError for a path or body that is wrong."""
        if self._decoded is MISSING:
            self._decoded = _decode(self._body, "the body") if self._body else None
        try:
            found = jsonpath.rooted(path).find(self._decoded)
        except jsonpath.PathError as error:
            raise RenderError(str(error)) from error
        return None if found is MISSING else found

    def json(self, path: str) -> str:
        """The value at a JSONPath as JSON text; an empty text in quotes when there is none."""
        found = self.path(path)
        return '""' if found is None and not self._is_null(path) else _encode(found)

    def params(self) -> dict[str, Any]:
        """All parameters: `path`, `querystring` and `header`."""
        handshake = self._handshake
        if handshake is None:
            return {"path": {}, "querystring": {}, "header": {}}
        query = dict(parse_qsl(handshake.query, keep_blank_values=True))
        return {"path": {}, "querystring": query, "header": dict(handshake.headers)}

    def param(self, name: str) -> str:
        """One parameter, looked for in the query string and then in the headers, or the empty text."""
        parameters = self.params()
        if name in parameters["querystring"]:
            return str(parameters["querystring"][name])
        return (self._handshake.header(name.lower()) if self._handshake else None) or ""

    def _is_null(self, path: str) -> bool:
        return jsonpath.rooted(path).find(self._decoded) is not MISSING

    methods: ClassVar[Methods] = table(
        path=Method(path, (str,)),
        json=Method(json, (str,)),
        params=(Method(params), Method(param, (str,))),
    )
    properties: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"body": lambda self: self._body}


def escape_javascript(text: str) -> str:
    r"""As Apache Commons does it: `'` becomes `\'`, which JSON does not know, and what is not ASCII `\uXXXX`."""
    for old, new in _ESCAPES:
        if old in text:
            text = text.replace(old, new)
    return _NOT_PRINTABLE.sub(_unicode, text)


def _unicode(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", errors="surrogatepass").hex().upper()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _decode(text: str, what: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise RenderError(f"{what} is not JSON: {error}") from error


def _encode(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (RecursionError, TypeError, ValueError, msgspec.EncodeError) as error:
        raise RenderError(f"the value cannot be written as JSON: {error}") from error


def _base64_decode(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, ValueError) as error:
        raise RenderError(f"base64Decode: {error}") from error


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


class Util(Tool):
    """`$util`."""

    methods: ClassVar[Methods] = table(
        escapeJavaScript=Method(lambda _, text: escape_javascript(text), (str,)),
        parseJson=Method(lambda _, text: _decode(text, "the text given to parseJson"), (str,)),
        urlEncode=Method(lambda _, text: quote_plus(_bytes(text), safe="*"), (str,)),
        urlDecode=Method(lambda _, text: unquote_plus(text), (str,)),
        base64Encode=Method(lambda _, text: base64.b64encode(_bytes(text)).decode(), (str,)),
        base64Decode=Method(lambda _, text: _base64_decode(text), (str,)),
    )


_UTIL = Util()
