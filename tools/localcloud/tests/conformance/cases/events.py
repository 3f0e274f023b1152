"""What functions are told."""

from __future__ import annotations

from typing import Any

from ..patterns import ANY, ID, Json, Keep, Number, Other, Some, Text
from ..steps import Case, Close, Closed, Connect, Http, Receive, Send
from .common import EVENT, context, ended, joined, watched

_TIME = Number(1_577_836_800_000)  # of 2020, in milliseconds


def _context(kind: str, key: str, **more: Any) -> dict[str, Any]:
    """Exactly what an event's requestContext has."""
    return {
        "routeKey": key,
        "eventType": kind,
        "extendedRequestId": Text(ID),
        "requestId": Text(ID),
        "requestTime": Text(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000"),
        "messageDirection": "IN",
        "stage": "live",
        "connectedAt": _TIME,
        "requestTimeEpoch": _TIME,
        "identity": {"sourceIp": Text(r"[0-9a-f.:]+"), "userAgent": "conformance/1"},
        "domainName": Text(r"\w+\.execute-api\.[a-z0-9-]+\.amazonaws\.com"),
        "connectionId": Text(ID),
        "apiId": Text(r"\w+"),
        **more,
    }


def _event(**keys: Any) -> dict[str, Any]:
    """Exactly what an event of the main API has."""
    return {"stageVariables": {"colour": "green"}, "isBase64Encoded": False, **keys}


_HEADERS = {"Host": Text(".+"), "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}


def _ends(id_: str, situation: str, facts: list[str], code: int, reason: Any, *how: Any) -> Case:
    """`$disconnect` is told a code and a reason."""
    return Case(
        f"disconnect-{id_}",
        situation,
        ["13.after-close", *facts],
        [
            *watched(),
            Receive(context(eventType="CONNECT")),
            *how,
            Receive(ended(code, reason)),
        ],
    )


CASES = (
    Case(
        "event-connect",
        "the CONNECT event, key for key",
        ["4.connect", "4.header-case", "4.direction", "4.times", "4.request-time", "4.identity", "4.base64"],
        [
            *watched("k=one&k=two&empty=", headers={"X-CamelCase": "kept", "Origin": "http://localhost"}),
            Receive(
                Json(
                    _event(
                        headers=Some(
                            {
                                "Host": Text(r".+\.amazonaws\.com"),
                                "Sec-WebSocket-Key": ANY,
                                "Sec-WebSocket-Version": "13",
                                "X-Amzn-Trace-Id": Text("Root=1-.+"),
                                "X-Forwarded-For": Text("[0-9a-f.:, ]+"),
                                "X-Forwarded-Port": "443",
                                "X-Forwarded-Proto": "https",
                                "X-CamelCase": "kept",
                                "Origin": "http://localhost",
                                "User-Agent": "conformance/1",
                            }
                        ),
                        multiValueHeaders=Some({"X-CamelCase": ["kept"], "Sec-WebSocket-Version": ["13"]}),
                        queryStringParameters={"auth": "allow", "observer": "<id>", "k": "two", "empty": ""},
                        multiValueQueryStringParameters={
                            "auth": ["allow"],
                            "observer": ["<id>"],
                            "k": ["one", "two"],
                            "empty": [""],
                        },
                        requestContext=_context("CONNECT", "$connect", authorizer=ANY),
                    )
                )
            ),
        ],
    ),
    Case(
        "event-connect-without-query",
        "a handshake without a query: its event has none of the query's keys",
        ["4.no-query", "10.types"],
        [
            Connect(),
            Send(EVENT),
            Receive(context(connectionId=Keep("id", Text(ID)))),
            Connect(client="b", user_agent="<id>"),
            Receive(
                Json(
                    {
                        "headers": Some({"User-Agent": "<id>"}),
                        "multiValueHeaders": Some({"User-Agent": ["<id>"]}),
                        "requestContext": Some({"eventType": "CONNECT", "connectionId": Other("id")}),
                        "isBase64Encoded": False,
                    }
                )
            ),
        ],
        api="told",
    ),
    Case(
        "event-message",
        "the MESSAGE event, key for key: neither headers nor query",
        ["4.message", "4.no-headers", "4.message-id", "4.direction", "4.times", "4.stage-variables"],
        [
            Connect("auth=allow&k=v"),
            Send('{"action": "event", "n": 1}'),
            Receive(
                Json(
                    _event(
                        body='{"action": "event", "n": 1}',
                        requestContext=_context("MESSAGE", "event", messageId=Text(ID), authorizer=ANY),
                    )
                )
            ),
        ],
    ),
    Case(
        "event-disconnect",
        "the DISCONNECT event, key for key, with its four odd headers",
        ["4.disconnect", "4.odd-headers", "4.close-code"],
        [
            *watched(),
            Receive(context(eventType="CONNECT")),
            Close(4001, "mine", "b"),
            Receive(
                Json(
                    _event(
                        headers=_HEADERS,
                        multiValueHeaders={name: [value] for name, value in _HEADERS.items()},
                        requestContext=_context(
                            "DISCONNECT",
                            "$disconnect",
                            disconnectStatusCode=4001,
                            disconnectReason="mine",
                            authorizer=ANY,
                        ),
                    )
                )
            ),
        ],
    ),
    Case(
        "event-without-authorizer-or-variables",
        "an API without an authorizer and stage variables: neither is in the event",
        ["4.message", "4.authorizer", "4.stage-variables"],
        [
            Connect(),
            Send('{"service":{"do":"event"}}'),
            Receive(
                Json(
                    {
                        "body": '{"service":{"do":"event"}}',
                        "isBase64Encoded": False,
                        "requestContext": _context("MESSAGE", "event", messageId=Text(ID)),
                    }
                )
            ),
        ],
        api="open",
    ),
    Case(
        "event-without-user-agent",
        "a client that sends no User-Agent has none in its identity",
        ["4.identity"],
        [
            Connect("auth=allow", user_agent=None),
            Send(EVENT),
            Receive(context(identity={"sourceIp": Text(r"[0-9a-f.:]+")})),
        ],
    ),
    Case(
        "event-same-connection",
        "all events of a connection have its id and the time it was opened at",
        ["4.times"],
        [
            *joined(),
            Send(EVENT),
            Receive(context(connectionId="<id>", connectedAt=_TIME)),
        ],
    ),
    Case(
        "event-callback-address",
        "domainName and stage of an event are the address that its function posts to",
        ["1.url"],
        [*joined(), Send('{"action":"post","to":"<id>","data":"hello"}'), Receive("hello"), Receive("sent")],
    ),
    _ends(
        "normal",
        "the client closes with 1000",
        ["4.1000"],
        1000,
        "Connection Closed Normally",
        Close(1000, client="b"),
    ),
    _ends(
        "own-code",
        "the client closes with a code and a reason of its own",
        ["4.close-code"],
        4002,
        "why not",
        Close(4002, "why not", "b"),
    ),
    _ends(
        "browser-tab",
        "the client goes away, as a browser does whose tab is closed",
        ["4.1001-empty"],
        1001,
        "",
        Close(1001, "", "b"),
    ),
    _ends(
        "no-code",
        "the client closes without a code",
        ["4.1005"],
        1005,
        "Client-side close frame status not set",
        Close(1005, client="b"),
    ),
    _ends("lost", "the client's line is cut", ["4.1006"], 1006, ANY, Close(1006, client="b")),
    _ends(
        "binary",
        "the gateway closes the connection because of a binary message",
        ["4.1003-1009", "9.binary"],
        1003,
        ANY,
        Send(b"bytes", "b"),
        Closed(1003, "b"),
    ),
    _ends(
        "too-large",
        "the gateway closes the connection because of a frame that is too large",
        ["4.1003-1009", "9.frame"],
        1009,
        ANY,
        Send("x" * 32_769, "b"),
        Closed(1009, "b"),
    ),
    Case(
        "disconnect-by-delete",
        "the backend deletes the connection: $disconnect hears of it as of a normal close",
        ["12.delete", "12.delete-disconnects", "4.1000"],
        [
            *watched(),
            Receive(context(eventType="CONNECT")),
            Send(EVENT, "b"),
            Receive(context(connectionId=Keep("id_b", Text(ID))), "b"),
            Http("DELETE", "/@connections/<id_b>", 204),
            Closed(1000, "b"),
            Receive(
                context(
                    eventType="DISCONNECT",
                    connectionId="<id_b>",
                    disconnectStatusCode=1000,
                    disconnectReason="Connection Closed Normally",
                )
            ),
        ],
    ),
)
