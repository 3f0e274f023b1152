"""Who may connect: authorizers, and IAM."""

from __future__ import annotations

from ..patterns import ANY, Json, Keep, Number, Other, Some, Text
from ..steps import Case, Close, Connect, Receive, Send
from .common import EVENT, context, watched

_TOLD = {
    "principalId": "somebody",
    "number": ANY,  # AWS writes 5 or "5"
    "flag": ANY,
    "stamp": Keep("stamp", Text("[0-9a-f-]{36}")),
    "integrationLatency": Number(0),
}

_QUESTION = {
    "type": "REQUEST",
    "methodArn": Text(r"arn:aws:execute-api:[a-z0-9-]+:\d{12}:\w+/live/\$connect"),
    "headers": Some({"X-Custom": "c"}),
    "multiValueHeaders": Some({"X-Custom": ["c"]}),
    "queryStringParameters": {"auth": "event", "k": "v"},
    "multiValueQueryStringParameters": {"auth": ["event"], "k": ["v"]},
    "stageVariables": {"colour": "green"},
    "requestContext": Some({"eventType": "CONNECT"}),
}

CASES = (
    Case(
        "authorizer-allows",
        "the authorizer allows the connection: what it says is in the events",
        ["10.response", "4.authorizer"],
        [
            Connect("auth=allow"),
            Send(EVENT),
            Receive(context(authorizer=_TOLD)),
        ],
    ),
    Case(
        "authorizer-on-every-event",
        "what the authorizer says is in the events of connect and disconnect, too",
        ["4.authorizer"],
        [
            *watched(),
            Receive(context(eventType="CONNECT", authorizer={**_TOLD, "observer": "<id>"})),
            Close(client="b"),
            Receive(context(eventType="DISCONNECT", authorizer=Some({"stamp": "<stamp>"}))),
        ],
    ),
    Case(
        "authorizer-without-context",
        "the authorizer allows the connection and says nothing more",
        ["10.response"],
        [
            Connect("auth=bare"),
            Send(EVENT),
            Receive(context(authorizer={"principalId": "somebody", "integrationLatency": Number(0)})),
        ],
    ),
    Case(
        "authorizer-identity-missing",
        "an identity source has no value: 401",
        ["2.identity-missing", "10.identity"],
        [Connect(status=401), Connect("auth=", status=401), Connect("other=allow", status=401)],
    ),
    Case(
        "authorizer-unauthorized",
        "the authorizer fails with the text Unauthorized: 401",
        ["2.unauthorized"],
        [Connect("auth=Unauthorized", status=401)],
    ),
    Case(
        "authorizer-denies",
        "the authorizer's policy denies the connection: 403",
        ["2.denied"],
        [Connect("auth=deny", status=403)],
    ),
    Case(
        "authorizer-allows-another-route",
        "the policy allows another route and not $connect: 403",
        ["2.denied", "10.at-connect"],
        [Connect("auth=other%20route", status=403)],
    ),
    Case(
        "authorizer-raises",
        "the authorizer fails with any other text: 500",
        ["2.authorizer-fails"],
        [Connect("auth=anything%20else", status=500)],
    ),
    Case(
        "authorizer-malformed",
        "the authorizer answers no policy: 500",
        ["2.authorizer-fails"],
        [Connect("auth=malformed", status=500)],
    ),
    Case(
        "authorizer-nested-context",
        "the authorizer's context holds more than texts, numbers and booleans: 500",
        ["10.response"],
        [Connect("auth=nested", status=500)],
    ),
    Case(
        "authorizer-too-large",
        "an authorizer's answer of more than 8 KB is refused, one of 7 KB is not",
        ["9.authorizer"],
        [Connect("auth=large"), Connect("auth=too%20large", status=500)],
    ),
    Case(
        "authorizer-event",
        "the authorizer is asked about the ARN of $connect, with the handshake's headers and query",
        ["10.event"],
        [
            Connect("auth=event&k=v", headers={"X-Custom": "c"}),
            Send(EVENT),
            Receive(context(authorizer=Some({"event": Json(_QUESTION)}))),
        ],
    ),
    Case(
        "authorizer-not-cached",
        "the authorizer is asked at every handshake, also for the same identity",
        ["10.no-cache"],
        [
            Connect("auth=allow"),
            Send(EVENT),
            Receive(context(authorizer=Some({"stamp": Keep("first")}))),
            Connect("auth=allow", "b"),
            Send(EVENT, "b"),
            Receive(context(authorizer=Some({"stamp": Other("first")})), "b"),
        ],
    ),
    Case(
        "authorizer-not-asked-for-messages",
        "a message's route is not authorized again, although the policy names $connect alone",
        ["10.at-connect", "2.at-connect"],
        [Connect("auth=allow"), Send("anything"), Receive("anything")],
    ),
    Case(
        "iam-signed",
        "$connect needs IAM authorization and the handshake is signed",
        ["10.iam", "10.types"],
        [Connect(signed="right", query="colour=a%20b")],
        api="http",
    ),
    Case(
        "iam-signed-in-the-query",
        "$connect needs IAM authorization and the handshake is signed in its query, as a browser has to",
        ["10.iam-query"],
        [Connect(signed="query", query="colour=a%20b")],
        api="http",
    ),
    Case(
        "iam-unsigned",
        "$connect needs IAM authorization and the handshake is not signed: 403",
        ["10.iam", "2.iam"],
        [Connect(status=403)],
        api="http",
    ),
    Case(
        "iam-wrongly-signed",
        "$connect needs IAM authorization and the handshake is signed with another secret: 403",
        ["10.iam", "2.iam"],
        [Connect(status=403, signed="wrong")],
        api="http",
    ),
)
