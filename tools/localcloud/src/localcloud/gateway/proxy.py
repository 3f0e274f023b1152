"""What the result of a Lambda proxy integration means."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TypeGuard

import msgspec

_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an integration answered, as far as a client can notice it."""

    status: int
    body: str
    subprotocol: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300


def parse(payload: bytes) -> Answer | None:
    """Read a result, `{"statusCode": 200, "headers": {…}, "body": "…", "isBase64Encoded": false}`.

    None when it is malformed, which clients see as an internal server error (502 on `$connect`).

    A number is needed as `statusCode`, text as `body`, and a subprotocol has to be one that a header can carry.
    """
    try:
        result = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(result, dict):
        return None
    status = _status(result.get("statusCode"))
    body = result.get("body") or ""
    headers = result.get("headers") or {}
    if status is None or not isinstance(body, str) or not isinstance(headers, dict):
        return None
    if result.get("isBase64Encoded") is True:
        try:
            body = base64.b64decode(body, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
    subprotocol = {str(name).lower(): value for name, value in headers.items()}.get("sec-websocket-protocol")
    if subprotocol is not None and not sendable(subprotocol):
        return None
    return Answer(status, body, subprotocol)


def sendable(value: object) -> TypeGuard[str]:
    """Whether a header can carry this subprotocol."""
    return isinstance(value, str) and _HEADER_VALUE.fullmatch(value) is not None


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599 else None
