"""Who may connect, and with which status everybody else is refused.

Sources: "Control and manage access to WebSocket APIs" and "Control access to WebSocket APIs with AWS Lambda REQUEST
authorizers", Amazon API Gateway Developer Guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from localcloud.gateway import events, policy, sigv4
from localcloud.gateway.effects import Failed, Invoke, Raised, Returned
from localcloud.gateway.request import decoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localcloud.gateway.effects import Outcome
    from localcloud.gateway.model import Api, Authorizer, Route
    from localcloud.gateway.request import Request
    from localcloud.gateway.settings import Settings

MESSAGES = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests", 500: "Internal server error"}
_AUTHORIZER_SECONDS = 29.0


def refusal(request: Request, route: Route, real: float) -> int | None:
    """The status of a handshake that is refused before anybody is asked, or None; `real` is the real time."""
    api, handshake = request.api, request.handshake
    assert handshake is not None  # noqa: S101 - a CONNECT has one
    if route.iam and signature(api, "GET", handshake.path, handshake.query, handshake.headers, b"", real):
        return 403
    if route.api_key and api.settings.missing_api_key_status and not handshake.header("x-api-key"):
        return api.settings.missing_api_key_status
    if route.authorizer is not None and not _identified(request, route.authorizer):
        return 401
    return None


def signature(
    api: Api, method: str, path: str, query: str, headers: Sequence[tuple[str, str]], body: bytes, real: float
) -> str | None:
    """Why a request is not signed as it has to be at a real time, or None when it is."""
    keys = dict(api.settings.keys)
    try:
        sigv4.verify(sigv4.Request(method, path, query, headers, body), keys.get, api.region, real)
    except sigv4.SignatureError as error:
        return str(error)
    return None


def ask(request: Request, authorizer: Authorizer) -> Invoke:
    """The invocation of an authorizer."""
    assert request.handshake is not None  # noqa: S101 - a CONNECT has one
    event = events.authorizer(request.api, request.caller, request.handshake, request.id, request.now)
    payload = msgspec.json.encode(event)
    call_id = f"{request.id}authorizer"
    return Invoke(request.connection_id, call_id, authorizer.function_arn, payload, _AUTHORIZER_SECONDS)


def verdict(request: Request, outcome: Outcome, latency: int) -> dict[str, Any] | int:
    """What later events tell of the authorizer, or the status with which it refuses the handshake."""
    if isinstance(outcome, Raised):
        error = decoded(outcome.payload)
        message = error.get("errorMessage") if isinstance(error, dict) else None
        return 401 if message == "Unauthorized" else request.api.settings.authorizer_error_status
    if not isinstance(outcome, Returned):
        return request.api.settings.authorizer_error_status
    try:
        answer = policy.parse(outcome.payload)
    except policy.PolicyError:
        return request.api.settings.authorizer_error_status
    values = {"aws:SourceIp": request.caller.source_ip}
    if not answer.allows(policy.INVOKE, events.route_arn(request.api, "$connect"), values):
        return 403
    return {**answer.context, "principalId": answer.principal_id, "integrationLatency": latency}


def status(settings: Settings, failed: Failed) -> int:
    """The status of a handshake whose `$connect` integration has failed."""
    match failed:
        case Failed.TIMED_OUT:
            return settings.connect_timeout_status
        case Failed.NO_RESPONSE:
            return settings.connect_no_response_status
        case Failed.NOT_INVOKED | Failed.THROTTLED | Failed.UNREACHABLE | Failed.BAD_REQUEST:
            return 500
        case Failed.NO_TEMPLATE:
            return 415
        case Failed.FUNCTION_ERROR | Failed.BAD_RESPONSE:
            return 502


def _identified(request: Request, authorizer: Authorizer) -> bool:
    """Whether every identity source has a value."""
    found = authorizer.identity.apply(request.sources()).query
    return len({name for name, value in found if value}) == authorizer.sources
