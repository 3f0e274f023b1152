"""The HTTP API for the connections, `@connections`."""

from __future__ import annotations

from ..patterns import ID, Json, Keep, Some, Text
from ..steps import Case, Close, Closed, Drain, Http, Receive, Sdk, Send, Silent, Until
from .common import context, ended, joined, watched

_ISO = Text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
_HERE = "/@connections/<id>"
_LARGEST = "x" * 131_072

CASES = (
    Case(
        "post",
        "POST sends a message and answers 200 with nothing",
        ["12.post", "1.url"],
        [*joined(), Http("POST", _HERE, 200, "", "pushed é".encode()), Receive("pushed é")],
    ),
    Case(
        "post-encoded",
        "the path may be URL-encoded",
        ["3.encoded"],
        [*joined(), Http("POST", "/%40connections/<id>", 200, "", b"pushed"), Receive("pushed")],
    ),
    Case(
        "post-text",
        "what is posted arrives as a text frame",
        ["9.outbound"],
        [*joined(), Http("POST", _HERE, 200, "", b"\x00\x01 text"), Receive("\x00\x01 text")],
    ),
    Case(
        "post-from-another-connection",
        "a function posts to the connection of another client",
        ["12.post"],
        [
            *joined(),
            *joined("b"),
            Send('{"action":"post","to":"<id>","data":"from b"}', "b"),
            Receive("from b"),
            Receive("sent", "b"),
        ],
    ),
    Case(
        "post-largest",
        "POST of 128 KB arrives",
        ["12.post", "9.message"],
        [*joined(), Http("POST", _HERE, 200, "", b"x" * 131_072), Receive("x" * 131_072)],
    ),
    Case(
        "post-too-large",
        "POST of more than 128 KB answers 413, and nothing is sent",
        ["12.too-large", "9.message"],
        [*joined(), Http("POST", _HERE, 413, body=b"x" * 131_073), Silent("probe", "probe")],
    ),
    Case(
        "post-gone",
        "POST, GET and DELETE of a connection that was closed answer 410",
        ["12.gone"],
        [
            *joined(),
            *joined("b"),
            Http("DELETE", "/@connections/<id_b>", 204),
            Closed(1000, "b"),
            Http("POST", "/@connections/<id_b>", 410, body=b"x"),
            Http("GET", "/@connections/<id_b>", 410),
            Http("DELETE", "/@connections/<id_b>", 410),
        ],
    ),
    Case(
        "post-gone-from-function",
        "a function that posts to a connection nobody has gets GoneException",
        ["12.gone"],
        [*joined(), Send('{"action":"post","to":"R0oXAdfD0kwCH6w=","data":"x"}'), Receive("GoneException")],
    ),
    Case(
        "post-after-client-closed",
        "POST to a connection that the client has closed answers 410",
        ["12.gone"],
        [
            *joined(),
            *joined("b", "observer=<id>"),
            Receive(Json(Some({"headers": Some({})}))),
            Close(client="b"),
            Receive(Json(Some({"requestContext": Some({"eventType": "DISCONNECT"})}))),
            Http("POST", "/@connections/<id_b>", 410, body=b"x"),
        ],
    ),
    Case(
        "post-to-a-slow-reader",
        "a client does not read until its buffer is full: 429; once it has read, there is room again",
        ["12.slow"],
        [
            *joined(),
            Until(Http("POST", _HERE, 429, body=_LARGEST.encode()), 200, most=400),
            Drain(_LARGEST),
            Until(Http("POST", _HERE, 200, body=b"again"), 429, most=2_000),
            Receive("again"),
        ],
    ),
    Case(
        "post-to-all",
        "there is no call for several connections",
        ["12.no-broadcast"],
        [
            *joined(),
            *joined("b"),
            *(Http("POST", f"/@connections{which}", (400, 403, 404, 410), body=b"x") for which in ("", "/", "/*")),
            Http("POST", "/@connections/<id>,<id_b>", (400, 403, 404, 410), body=b"x"),
            Silent("probe", "probe"),
            Silent("probe", "probe", "b"),
        ],
    ),
    Case(
        "sdk-endpoint",
        "an SDK finds @connections by an endpoint of one's own, from its environment",
        ["12.endpoint"],
        [
            *joined(),
            Sdk("get_connection", {"ConnectionId": "<id>"}, Some({"Identity": Some({"UserAgent": "conformance/1"})})),
            Sdk("post_to_connection", {"ConnectionId": "<id>", "Data": "pushed"}),
            Receive("pushed"),
        ],
    ),
    Case(
        "get",
        "GET tells when the connection was opened, when it was last active, and whose it is",
        ["12.get"],
        [
            *joined(),
            Http(
                "GET",
                _HERE,
                200,
                Json(
                    {
                        "connectedAt": _ISO,
                        "lastActiveAt": _ISO,
                        "identity": {"sourceIp": Text("[0-9a-f.:]+"), "userAgent": "conformance/1"},
                    }
                ),
            ),
        ],
    ),
    Case(
        "delete",
        "DELETE closes the connection and answers 204",
        ["12.delete"],
        [*joined(), Http("DELETE", _HERE, 204, ""), Closed(1000)],
    ),
    Case(
        "delete-with-a-wish",
        "whatever code and reason a backend asks for, clients and $disconnect are told 1000",
        ["4.no-choice"],
        [
            *watched(),
            Receive(context(eventType="CONNECT", connectionId=Keep("id_b", Text(ID)))),
            Http("DELETE", "/@connections/<id_b>?code=4001&reason=mine", 204),
            Closed(1000, "b"),
            Receive(ended(1000, "Connection Closed Normally", connectionId="<id_b>")),
        ],
    ),
    Case(
        "unsigned",
        "a call that is not signed answers 403",
        ["12.unsigned", "12.iam"],
        [*joined(), Http("POST", _HERE, 403, body=b"x", signed=""), Silent("probe", "probe")],
    ),
    Case(
        "wrongly-signed",
        "a call that is signed with another secret answers 403",
        ["12.unsigned", "12.iam"],
        [*joined(), Http("POST", _HERE, 403, body=b"x", signed="wrong"), Silent("probe", "probe")],
    ),
    Case(
        "wrong-stage",
        "a call to another stage, or with the stage twice, answers 403",
        ["12.wrong-stage"],
        [
            *joined(),
            Http("POST", "//other/@connections/<id>", 403, body=b"x"),
            Http("POST", "/live/@connections/<id>", 403, body=b"x"),
            Silent("probe", "probe"),
        ],
    ),
)
