"""`@connections`, the HTTP API by which a backend reaches its clients.

Source: "Use @connections commands in your backend service", Amazon API Gateway Developer Guide, and the service model
of `apigatewaymanagementapi`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from localcloud.gateway.effects import HttpResponse

if TYPE_CHECKING:
    from localcloud.gateway.events import Caller
    from localcloud.gateway.settings import Settings

METHODS = frozenset({"POST", "GET", "DELETE"})
_NAMES = {
    400: "BadRequestException",
    403: "ForbiddenException",
    410: "GoneException",
    413: "PayloadTooLargeException",
    429: "LimitExceededException",
}
_ID = re.compile(r"[A-Za-z0-9_-]{10,}={0,2}")


def named(path: str) -> tuple[str, str | None]:
    """What a URL's path names: its first segment (a stage, or a custom domain's mapping key) and a connection's id.

    The id is None when it is not of the form `/{base}/@connections/{id}`, the id URL-encoded or not. A custom domain
    without a mapping key has `@connections` as its first segment.
    """
    first, _, rest = path.removeprefix("/").partition("/")
    if unquote(first) == "@connections":
        return "", unquote(rest) or None
    resource, _, encoded = rest.partition("/")
    return unquote(first), (unquote(encoded) or None) if unquote(resource) == "@connections" else None


def gone(connection_id: str, settings: Settings) -> HttpResponse:
    """The answer for a connection that is not there; for an id that API Gateway never makes, as the settings say."""
    status = 410 if _ID.fullmatch(connection_id) else settings.malformed_id_status
    return error(status, "Gone" if status == 410 else "Invalid connectionId")


def outbound(body: bytes, settings: Settings) -> str | bytes:
    """What a POST sends to the client."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body if settings.post_not_utf8 == "binary" else body.decode(errors="replace")


def description(caller: Caller, last_active: float) -> HttpResponse:
    """The answer to GET."""
    identity = {"sourceIp": caller.source_ip}
    if caller.user_agent is not None:
        identity["userAgent"] = caller.user_agent
    content = {
        "connectedAt": _iso(caller.connected_at),
        "identity": identity,
        "lastActiveAt": _iso(last_active),
    }
    return json_response(200, content)


def error(status: int, message: str) -> HttpResponse:
    """An error as AWS SDKs read it: they take the exception's name from the header."""
    return json_response(status, {"message": message}, ("x-amzn-ErrorType", _NAMES.get(status, "InternalFailure")))


def json_response(status: int, content: object, *headers: tuple[str, str]) -> HttpResponse:
    """An answer in JSON."""
    return HttpResponse(status, msgspec.json.encode(content), (("Content-Type", "application/json"), *headers))


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
