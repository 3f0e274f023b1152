"""The five kinds of integrations: what each is asked, and what its answer means.

Source: "Set up a WebSocket API integration request" and "… integration response", Amazon API Gateway Developer Guide.
A proxy (AWS_PROXY, HTTP_PROXY) gets the event or the message as it is, and answers for itself. The others (AWS, HTTP,
MOCK) have mapping templates in front, and integration responses behind.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from localcloud.gateway import events, mapping, proxy, selection, variables
from localcloud.gateway.effects import Failed, Fetch, Invoke, Raised, Responded, Returned
from localcloud.gateway.jsonpath import MISSING
from localcloud.gateway.proxy import Answer
from localcloud.gateway.request import decoded
from localcloud.gateway.selection import CONNECT, DEFAULT
from localcloud.gateway.vtl import RenderError

if TYPE_CHECKING:
    from localcloud.gateway.effects import Call, Outcome
    from localcloud.gateway.model import Integration, Templates
    from localcloud.gateway.request import Request
    from localcloud.gateway.vtl import Template

# Headers of the client's connection to the gateway, not of what it asks.
_HOP_BY_HOP = frozenset(
    {
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "te", "trailer", "transfer-encoding", "upgrade", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto",
    }
)  # fmt: skip
_NO_BODY = frozenset({"GET", "HEAD"})


def begin(request: Request, integration: Integration, call_id: str) -> tuple[Call | None, Answer | Failed | None]:
    """The call to make and, where it does not depend on how that ends, the answer; of all kinds but AWS_PROXY, which is
    sent the event as it is."""
    try:
        match integration.kind:
            case "HTTP_PROXY":
                return _fetch(request, integration, call_id, request.text), None
            case "MOCK":
                return None, _mock(request, integration)
            case "HTTP":
                body = _mapped(request, integration)
                return (None, body) if isinstance(body, Failed) else (_fetch(request, integration, call_id, body), None)
            case _:
                return _aws(request, integration, call_id)
    except (RenderError, mapping.MappingError, _NotBase64Error):
        return None, Failed.BAD_REQUEST


def end(request: Request, integration: Integration, outcome: Outcome) -> Answer | Failed:
    """What an outcome means to the client. Only what a client can notice is worked out."""
    match outcome:
        case Failed():
            return outcome
        case Responded():
            return _http_answer(request, integration, outcome)
        case Raised() if integration.kind == "AWS_PROXY" or request.kind == "CONNECT":
            return Failed.FUNCTION_ERROR
        case Raised(payload):
            error = decoded(payload)
            message = error.get("errorMessage") if isinstance(error, dict) else ""
            return _response(request, integration, 200, (), payload, str(message))
        case Returned(payload):
            if integration.kind == "AWS_PROXY":
                return proxy.parse(payload) or Failed.BAD_RESPONSE
            return _response(request, integration, 200, (), payload, "")


def _http_answer(request: Request, integration: Integration, answer: Responded) -> Answer | Failed:
    if integration.kind == "HTTP":
        return _response(request, integration, answer.status, answer.headers, answer.body, str(answer.status))
    subprotocol = next((value for name, value in answer.headers if name == "sec-websocket-protocol"), None)
    if subprotocol is not None and not proxy.sendable(subprotocol):
        return Failed.BAD_RESPONSE
    return Answer(answer.status, _text(answer.body, to_base64=integration.to_text), subprotocol)


def _invoke(request: Request, integration: Integration, call_id: str, payload: bytes) -> Invoke:
    return Invoke(request.connection_id, call_id, integration.function_arn, payload, integration.timeout)


def _aws(request: Request, integration: Integration, call_id: str) -> tuple[Call | None, Answer | Failed | None]:
    """Invoke a function with whatever JSON the template makes; nothing is an empty event."""
    body = _mapped(request, integration)
    if isinstance(body, Failed):
        return None, body
    payload = body.encode() or b"{}"
    if decoded(payload) is MISSING:
        return None, Failed.BAD_REQUEST  # Lambda takes JSON only
    call = _invoke(request, integration, call_id, payload)
    parameters = integration.parameters.apply(request.sources()) if integration.parameters is not None else None
    headers = {name.lower(): value for name, value in parameters.headers} if parameters is not None else {}
    if headers.get("x-amz-invocation-type") == "Event":
        return call, _response(request, integration, 202, (), b"", "")
    return call, None


def _mock(request: Request, integration: Integration) -> Answer | Failed:
    """A MOCK integration answers what its request template says: `{"statusCode": 200}`."""
    body = _mapped(request, integration)
    if isinstance(body, Failed):
        return body
    document = decoded(body)
    status = document.get("statusCode") if isinstance(document, dict) else None
    if not isinstance(status, int) or not 200 <= status <= 599:
        return Failed.BAD_RESPONSE
    return _response(request, integration, status, (), b"", str(status))


def _fetch(request: Request, integration: Integration, call_id: str, body: str) -> Fetch:
    headers: dict[str, str] = {}
    query = ""
    api, handshake = request.api, request.handshake
    if handshake is not None and integration.kind == "HTTP_PROXY" and api.settings.proxy_client_headers:
        headers = {name: value for name, value in handshake.headers if name.lower() not in _HOP_BY_HOP}
        query = handshake.query
    if api.settings.integration_headers:
        headers |= {
            "User-Agent": f"AmazonAPIGateway_{api.id}",
            "Content-Type": "application/json",
            "X-Amzn-Trace-Id": events.trace_id(request.id, request.now),
            "X-Forwarded-For": request.caller.source_ip,
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
        }
    url = integration.url
    if integration.parameters is not None:
        parameters = integration.parameters.apply(request.sources())
        url = mapping.uri(url, {}, parameters.path)
        query = "&".join(filter(None, (query, urlencode(parameters.query))))
        given = {name.lower() for name, _ in parameters.headers}
        headers = {name: value for name, value in headers.items() if name.lower() not in given}
        pairs = (*headers.items(), *parameters.headers)
    else:
        pairs = tuple(headers.items())
    if query:
        url += ("&" if "?" in url else "?") + query
    content = _binary(body) if integration.to_binary else body.encode()
    if integration.method in _NO_BODY:
        content = b""
    return Fetch(
        request.connection_id,
        call_id,
        integration.method,
        url,
        pairs,
        content,
        integration.timeout,
        integration.private,
    )


def _mapped(request: Request, integration: Integration) -> str | Failed:
    """The message as the request template makes it."""
    templates = integration.templates
    if templates is None:
        return request.text
    template = _chosen(templates, request, None)
    if template is not None:
        return template.render(_variables(request, request.text))
    if templates.passthrough == "NEVER" or (templates.passthrough == "WHEN_NO_TEMPLATES" and templates.by_key):
        return Failed.NO_TEMPLATE
    return request.text


def _response(
    request: Request,
    integration: Integration,
    status: int,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    selector: str,
) -> Answer | Failed:
    """The answer of an integration that is no proxy, by its integration responses.

    `selector` is what their keys are tried on: an HTTP status, or a function's error message.
    """
    route = request.api.routes[request.route_key]
    if route.key != CONNECT and not route.responds:
        return Answer(status, "")
    responses = integration.responses
    key = responses.keys.choose(selector) if responses is not None else None
    if responses is None or key is None:
        return Failed.NO_RESPONSE
    if route.key == CONNECT:
        return Answer(status, "")  # its body goes nowhere
    text = _text(body, to_base64=key in responses.to_text)
    templates = responses.templates.get(key)
    answer = selection.Response(status, headers, decoded(text))
    template = _chosen(templates, request, answer) if templates is not None else None
    try:
        return Answer(status, template.render(_variables(request, text)) if template is not None else text)
    except RenderError:
        return Failed.BAD_RESPONSE


def _chosen(templates: Templates, request: Request, answer: selection.Response | None) -> Template | None:
    if not templates.by_key:
        return None
    key = templates.selection.evaluate(request.body, answer) if templates.selection is not None else DEFAULT
    return templates.by_key.get(key) or templates.by_key.get(DEFAULT)


class _NotBase64Error(ValueError):
    """A message that should be base64 and is not."""


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _NotBase64Error from error


def _text(body: bytes, *, to_base64: bool) -> str:
    return base64.b64encode(body).decode() if to_base64 else body.decode(errors="replace")


def _variables(request: Request, body: str) -> dict[str, Any]:
    return variables.variables(request.context(), body, request.api.stage_variables, request.handshake)
