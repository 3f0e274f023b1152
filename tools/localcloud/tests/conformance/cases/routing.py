"""Which route a message takes, and what the client hears."""

from __future__ import annotations

from ..patterns import ID, Json, Some, Text
from ..steps import Case, Connect, Receive, Send, Silent
from .common import error, joined

_PROBE = Silent("probe", "probe")
"""The default route answers what it is sent."""


def _default(id_: str, situation: str, fact: str, text: str) -> Case:
    return Case(f"route-{id_}", situation, [fact], [Connect("auth=allow"), Send(text), Receive(text)])


CASES = (
    Case(
        "route-by-action",
        "the message's action names a route",
        ["5.expression"],
        [*joined()],
    ),
    Case(
        "route-by-nested-action",
        "the selection expression leads to a nested property",
        ["5.expression", "5.any-path"],
        [Connect(), Send('{"service":{"do":"event"}}'), Receive(Json(Some({"isBase64Encoded": False})))],
        api="open",
    ),
    _default("not-json", "a message that is no JSON goes to $default", "5.json-only", "hello"),
    _default("empty", "an empty message goes to $default", "5.json-only", " "),
    _default("unknown", "an unknown action goes to $default", "5.expression", '{"action":"nobody knows"}'),
    _default("missing", "a message without an action goes to $default", "5.expression", '{"hello":"world"}'),
    _default("exact", "a route key has to match as a whole, with its case", "5.expression", '{"action":"Event"}'),
    _default("scalar", "a JSON text goes to $default", "5.scalars", '"event"'),
    _default("number-alone", "a JSON number goes to $default", "5.scalars", "5"),
    _default("array", "a JSON array goes to $default", "5.scalars", '[{"action":"event"}]'),
    _default("null", "an action that is null goes to $default", "5.scalars", '{"action":null}'),
    Case(
        "route-number",
        "an action that is a number is compared as text",
        ["5.expression"],
        [Connect("auth=allow"), Send('{"action":404}'), Receive("not found")],
    ),
    Case(
        "route-none",
        "no route fits and there is no $default: an error frame, and the connection stays open",
        ["5.forbidden", "5.default-optional", "8.forbidden", "8.keys"],
        [
            Connect(),
            Send("hello"),
            Receive(Json({"message": "Forbidden", "connectionId": Text(ID), "requestId": Text(ID)})),
            Send('{"service":{"do":"nobody knows"}}'),
            Receive(Text(r'\{"message": ?"Forbidden", ?"connectionId": ?"[^"]+", ?"requestId": ?"[^"]+"\}')),
            Send('{"service":{"do":"event"}}'),
            Receive(Json(Some({"isBase64Encoded": False}))),
        ],
        api="open",
    ),
    Case(
        "replies-overtake",
        "a reply may come before that to an earlier message",
        ["5.order"],
        [Connect("auth=allow"), Send('{"action":"slow"}'), Send("fast"), Receive("fast"), Receive('{"action":"slow"}')],
    ),
    Case(
        "reply",
        "a route with a route response answers with the function's body, as it is",
        ["6.route-response", "6.proxy-body", "7.lambda-uri"],
        [Connect("auth=allow"), Send('"quoted" \\ é 😀'), Receive('"quoted" \\ é 😀')],
    ),
    Case(
        "reply-none",
        "a route without a route response answers nothing, whatever its function returns",
        ["6.route-response", "6.silence"],
        [Connect("auth=allow"), Send('{"action":"quiet"}'), _PROBE],
    ),
    Case(
        "reply-expression-only",
        "a route with a selection expression for responses and no response answers nothing",
        ["6.route-response"],
        [
            Connect(),
            Send('{"service":{"do":"unanswered"}}'),
            Silent('{"service":{"do":"event"}}', Json(Some({"body": '{"service":{"do":"event"}}'}))),
        ],
        api="open",
    ),
    Case(
        "reply-not-2xx",
        "a function's body is sent whatever its statusCode",
        ["6.status-hidden"],
        [Connect("auth=allow"), Send('{"action":"404"}'), Receive("not found")],
    ),
    Case(
        "reply-base64",
        "a body that the function marks as base64 is sent decoded",
        ["4.proxy-response"],
        [Connect("auth=allow"), Send('{"action":"base64"}'), Receive("é")],
    ),
    Case(
        "function-raises",
        "a function raises: an error frame, although the route has no response",
        ["6.errors-always", "8.internal"],
        [*joined(), Send('{"action":"raise"}'), Receive(error("Internal server error")), _PROBE],
    ),
    Case(
        "function-barred",
        "API Gateway has no permission to invoke a route's function: an error frame",
        ["8.internal"],
        [*joined(), Send('{"action":"barred"}'), Receive(error("Internal server error")), _PROBE],
    ),
    Case(
        "function-malformed",
        "a function's reply is no proxy response: an error frame",
        ["8.internal", "4.proxy-response"],
        [*joined(), Send('{"action":"malformed"}'), Receive(error("Internal server error"))],
    ),
    Case(
        "integration-late",
        "an integration's timeout passes: an error frame, and the function's later reply is dropped",
        ["8.timeout", "7.timeout"],
        [
            *joined(),
            Send('{"action":"late"}'),
            Receive(error("Endpoint request timed out")),
            Send('{"action":"slow"}'),
            Receive('{"action":"slow"}'),
        ],
    ),
    Case(
        "model-valid",
        "a message that its model accepts reaches the function",
        ["5.models"],
        [
            Connect("auth=allow"),
            Send('{"action":"note","kind":"plain","text":"t"}'),
            Receive('{"action":"note","kind":"plain","text":"t"}'),
        ],
    ),
    *(
        Case(
            f"model-invalid-{id_}",
            "a message that its model refuses: an error frame with the message's id",
            ["5.models", "8.bad-request"],
            [
                *joined(),
                Send(text),
                Receive(Json({"message": "Bad request body", "connectionId": "<id>", "messageId": Text(ID)})),
                _PROBE,
            ],
        )
        for id_, text in (
            ("missing", '{"action":"note","kind":"plain"}'),
            ("type", '{"action":"note","kind":"plain","text":5}'),
            ("length", '{"action":"note","kind":"plain","text":""}'),
        )
    ),
    Case(
        "model-none",
        "no model is selected and there is no $default one: refused as by a model",
        ["5.no-model"],
        [
            *joined(),
            Send('{"action":"note","kind":"other","text":"t"}'),
            Receive(Json({"message": "Bad request body", "connectionId": "<id>", "messageId": Text(ID)})),
        ],
    ),
    Case(
        "message-throttled",
        "a route's throttle is 0: an error frame, and the connection stays open",
        ["11.bucket", "8.throttled"],
        [
            Connect(),
            Send('{"service":{"do":"shut"}}'),
            Receive(Json(Some({"connectionId": Text(ID), "requestId": Text(ID)}))),
            Send('{"service":{"do":"event"}}'),
            Receive(Json(Some({"isBase64Encoded": False}))),
        ],
        api="open",
    ),
)
