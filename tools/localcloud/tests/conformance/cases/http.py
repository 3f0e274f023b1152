"""HTTP integrations. The backend answers with what it was asked, or as it is told to."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from ..patterns import ANY, ID, Json, Keep, Some, Text
from ..steps import Backend, Case, Close, Connect, Http, Receive, Send, Step

_SIGNED = Connect(signed="right")


def _case(id_: str, situation: str, facts: list[str], *steps: Step) -> Case:
    return Case(f"http-{id_}", situation, facts, steps, api="http")


def _told(status: int, kind: str, body: str) -> str:
    """A message of which the backend takes how to answer."""
    answer = {"status": status, "headers": {"X-Kind": kind}, "body": body}
    return json.dumps({"action": "templated", "answer": answer})


def _asked(**keys: Any) -> Receive:
    """The backend tells what it was asked."""
    return Receive(Json(Some(keys)))


CASES = (
    _case(
        "connect",
        "HTTP_PROXY on $connect: mapped headers and query parameters reach the backend",
        ["7.types", "7.parameters", "7.connect-parameters"],
        Connect("colour=red&colour=blue&unmapped=1", headers={"X-Token": "token-of-connect"}, signed="right"),
        Backend(
            "/connect",
            "token-of-connect",
            Some(
                {
                    "method": "POST",
                    "headers": Some(
                        {"connectionid": Text(ID), "x-token": "token-of-connect", "x-colours": Text("red, ?blue")}
                    ),
                }
            ),
        ),
    ),
    *(
        _case(
            f"connect-{status}",
            f"the backend answers $connect with {status}: the client gets the same",
            ["2.http-proxy"],
            Connect(f"status={status}", status=status, signed="right"),
        )
        for status in (401, 503)
    ),
    _case(
        "connect-hangup",
        "the backend cuts the line at $connect: 500",
        ["2.http-unreachable"],
        Connect("status=hangup", status=500, signed="right"),
    ),
    _case(
        "connect-subprotocol",
        "the backend chooses a subprotocol",
        ["2.headers"],
        Connect("protocol=chat", offers=["chat"], chosen="chat", signed="right"),
    ),
    _case(
        "disconnect",
        "HTTP_PROXY on $disconnect: the integration's method, the mapped id, an empty body",
        ["7.disconnect"],
        _SIGNED,
        Send('{"action":"mapped","room":"x"}'),
        _asked(headers=Some({"x-connection": Keep("id", Text(ID))})),
        Close(),
        Backend(
            "/disconnect",
            "<id>",
            Some({"method": "DELETE", "body": "", "headers": Some({"connectionid": "<id>"})}),
        ),
    ),
    _case(
        "callback",
        "a backend learns of a message by a request template, and answers through @connections",
        ["7.templates", "7.variables", "7.escape", "12.post"],
        _SIGNED,
        Send('it\'s "quoted" \\ /'),
        Backend(
            "/default",
            "quoted",
            Some(
                {
                    "method": "POST",
                    "body": Json(
                        {
                            "connectionId": Keep("id", Text(ID)),
                            "callback": Text(r"https://.+\.amazonaws\.com/live"),
                            "routeKey": "$default",
                            "messageId": Text(ID),
                            "at": ANY,
                            "body": 'it\'s "quoted" \\ /',
                        }
                    ),
                }
            ),
        ),
        Http("POST", "/@connections/<id>", 200, "", b"pushed"),
        Receive("pushed"),
    ),
    _case(
        "proxy",
        "HTTP_PROXY: the message as it is, nothing added, to an address with a stage variable in it",
        ["7.types", "7.raw-body", "7.stage-variables", "6.proxy-body"],
        _SIGNED,
        Send('{"action":"proxy",  "spaced": 1}'),
        _asked(method="PUT", path="/from-stage", query={}, body='{"action":"proxy",  "spaced": 1}'),
    ),
    _case(
        "proxy-error",
        "an HTTP_PROXY backend answers 404: its body is the reply",
        ["6.proxy-body", "6.status-hidden"],
        _SIGNED,
        Send('{"action":"proxy","answer":{"status":404,"body":"nothing here"}}'),
        Receive("nothing here"),
    ),
    _case(
        "mapped",
        "parameters from the context, the stage, a literal and the message",
        ["7.parameters"],
        _SIGNED,
        Send('{"action":"mapped","room":"a/b","list":["one"],"deep":{"er":5}}'),
        _asked(
            path="/mapped/a%2Fb",
            query={"first": ["one"], "deep": ["5"]},
            headers=Some({"x-connection": Text(ID), "x-place": "from-stage", "x-literal": "a literal"}),
        ),
    ),
    _case(
        "mapped-missing",
        "a parameter without a value is left out",
        ["7.parameters"],
        _SIGNED,
        Send('{"action":"mapped","room":"r","list":[]}'),
        _asked(path="/mapped/r", query={}),
    ),
    _case(
        "template-selected",
        "the message selects a request template",
        ["7.types", "7.template-selection"],
        _SIGNED,
        Send('{"action":"templated","format":"short","answer":{"headers":{}}}'),
        _asked(body=Json({"answer": {"headers": {}}})),
    ),
    _case(
        "template-default",
        "the message selects a request template that is not there: $default is rendered",
        ["7.template-selection"],
        _SIGNED,
        Send('{"action":"templated","format":"unknown","answer":{"headers":{}}}'),
        _asked(body=Json({"answer": {"headers": {}}, "default": True})),
    ),
    *(
        _case(
            f"response-{kind}",
            "the status selects an integration response, and a header its template",
            ["6.responses", "7.response-templates"],
            _SIGNED,
            Send(_told(404, kind, '{"who":"me"}')),
            Receive(reply),
        )
        for kind, reply in (("room", "no room, says me"), ("other", "nothing there"))
    ),
    _case(
        "response-passed",
        "the default integration response has no template: the body is passed on",
        ["6.responses"],
        _SIGNED,
        Send('{"action":"templated","answer":{"status":200,"body":"as it is"}}'),
        Receive("as it is"),
    ),
    _case(
        "binary",
        "base64 reaches the backend as bytes, and its bytes come back as base64",
        ["7.binary"],
        _SIGNED,
        Send(json.dumps({"action": "binary", "data": b64encode(b'{"answer":{"body":"of bytes"}}').decode()})),
        Backend("/binary", "of bytes", Some({"body": '{"answer":{"body":"of bytes"}}'})),
        Receive(b64encode(b"of bytes").decode()),
    ),
    _case(
        "never",
        "no template fits and PassthroughBehavior is NEVER: refused, and the backend not asked",
        ["7.passthrough"],
        _SIGNED,
        Send('{"action":"never","format":"unknown"}'),
        Receive(Json({"message": ANY, "connectionId": Text(ID), "requestId": Text(ID)})),
        Send('{"action":"never","format":"known"}'),
        _asked(body='{"known": true}'),
    ),
    _case(
        "passed",
        "no template fits and PassthroughBehavior is WHEN_NO_MATCH: the message as it is",
        ["7.passthrough"],
        _SIGNED,
        Send('{"action":"passed","format":"unknown"}'),
        _asked(body='{"action":"passed","format":"unknown"}'),
    ),
    _case(
        "hangup",
        "the backend cuts the line: an error frame",
        ["8.internal"],
        _SIGNED,
        Send('{"action":"hangup"}'),
        Receive(Json({"message": "Internal server error", "connectionId": Text(ID), "requestId": Text(ID)})),
    ),
    _case(
        "late",
        "the backend takes longer than the integration's timeout: an error frame",
        ["8.timeout", "7.timeout"],
        _SIGNED,
        Send('{"action":"late"}'),
        Receive(Json({"message": "Endpoint request timed out", "connectionId": Text(ID), "requestId": Text(ID)})),
    ),
)
