"""The events that a Lambda proxy integration is sent, key for key as API Gateway sends them.

Shapes follow captures of real events: CONNECT has headers and the query string, MESSAGE has only a body, DISCONNECT
has four odd headers and the close code. Keys that AWS leaves out are left out here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localcloud.gateway.effects import Handshake
    from localcloud.gateway.model import Api

# Hop-by-hop headers that do not reach the integration. Host is replaced: behind AWS it is the API's own name.
_NOT_FORWARDED = frozenset(
    {"connection", "upgrade", "host", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """What every event of one connection says about it. `connected_at` is in epoch seconds.

    `domain_name` is the custom domain that it came by, if it did, and `authorizer` what an authorizer said.
    """

    connection_id: str
    connected_at: float
    source_ip: str
    user_agent: str | None
    domain_name: str = ""
    authorizer: Mapping[str, Any] | None = None


def connect(api: Api, caller: Caller, handshake: Handshake, request_id: str, now: float) -> Event:
    """The CONNECT event of a handshake."""
    headers = [(name, value) for name, value in handshake.headers if name.lower() not in _NOT_FORWARDED]
    headers += [
        ("Host", caller.domain_name or api.domain_name),
        ("X-Amzn-Trace-Id", trace_id(request_id, now)),
        ("X-Forwarded-For", handshake.source_ip),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ]
    event: Event = {**_pairs("headers", "multiValueHeaders", headers)}
    if query := parse_qsl(handshake.query, keep_blank_values=True):
        event |= _pairs("queryStringParameters", "multiValueQueryStringParameters", query)
    event["requestContext"] = {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        **context(api, caller, request_id, now),
    }
    return _finished(api, event)


def message(api: Api, caller: Caller, route_key: str, body: str, request_id: str, message_id: str, now: float) -> Event:
    """The MESSAGE event of a text message. It carries neither headers nor a query string."""
    return _finished(
        api,
        {
            "requestContext": {
                "routeKey": route_key,
                "messageId": message_id,
                "eventType": "MESSAGE",
                **context(api, caller, request_id, now),
            },
            "body": body,
        },
    )


def disconnect(api: Api, caller: Caller, code: int, reason: str, request_id: str, now: float) -> Event:
    """The DISCONNECT event; `code` and `reason` are those of the close."""
    domain_name = caller.domain_name or api.domain_name
    headers = [("Host", domain_name), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")]
    return _finished(
        api,
        {
            **_pairs("headers", "multiValueHeaders", headers),
            "requestContext": {
                "routeKey": "$disconnect",
                "disconnectStatusCode": code,
                "eventType": "DISCONNECT",
                "disconnectReason": reason,
                **context(api, caller, request_id, now),
            },
        },
    )


def authorizer(api: Api, caller: Caller, handshake: Handshake, request_id: str, now: float) -> Event:
    """What a REQUEST authorizer is asked: the CONNECT event, as a question about one ARN.

    Source: "Control access to WebSocket APIs with AWS Lambda REQUEST authorizers", Amazon API Gateway Developer Guide.
    """
    event = connect(api, caller, handshake, request_id, now)
    del event["isBase64Encoded"]
    return {
        "type": "REQUEST",
        "methodArn": route_arn(api, "$connect"),
        **event,
        "stageVariables": dict(api.stage_variables),
    }


def route_arn(api: Api, route_key: str) -> str:
    """The ARN that policies name when they allow a route to be invoked."""
    return f"arn:aws:execute-api:{api.region}:{api.account}:{api.id}/{api.stage}/{route_key}"


def trace_id(request_id: str, now: float) -> str:
    """An X-Ray trace header for a request; the same request has the same one."""
    return f"Root=1-{int(now):08x}-{request_id.encode().hex()[:24]:0<24}"


def context(api: Api, caller: Caller, request_id: str, now: float) -> Event:
    """What every event's `requestContext` has, whatever it tells of."""
    identity = {"sourceIp": caller.source_ip}
    if caller.user_agent is not None:
        identity = {"userAgent": caller.user_agent, **identity}
    told: Event = {
        "extendedRequestId": request_id,
        "requestTime": _clf(int(now)),
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": int(caller.connected_at * 1000),
        "requestTimeEpoch": int(now * 1000),
        "identity": identity,
        "requestId": request_id,
        "domainName": caller.domain_name or api.domain_name,
        "connectionId": caller.connection_id,
        "apiId": api.id,
    }
    if caller.authorizer is not None:
        told["authorizer"] = dict(caller.authorizer)
    return told


def _finished(api: Api, event: Event) -> Event:
    if api.stage_variables or api.settings.empty_stage_variables != "absent":
        empty: Event | None = None if api.settings.empty_stage_variables == "null" else {}
        event["stageVariables"] = dict(api.stage_variables) or empty
    event["isBase64Encoded"] = False
    return event


def _pairs(single: str, multiple: str, pairs: Sequence[tuple[str, str]]) -> Event:
    """Both forms of headers or of a query: the last value of each name, and all of them."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {single: {name: all_[-1] for name, all_ in values.items()}, multiple: values}


@lru_cache(maxsize=1)
def _clf(now: int) -> str:
    """Common log format, in English whatever the locale: 19/Feb/2024:07:11:42 +0000."""
    t = time.gmtime(now)
    return f"{t.tm_mday:02}/{_MONTHS[t.tm_mon - 1]}/{t.tm_year}:{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} +0000"
