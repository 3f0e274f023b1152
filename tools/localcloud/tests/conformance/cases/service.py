"""What the service around an API does: custom domains, logs and metrics, the CDK, what it refuses to make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..patterns import ANY, ID, Json, Keep, Some, Text
from ..steps import (
    Case,
    Close,
    Connect,
    Http,
    Logged,
    Measured,
    Metrics,
    Receive,
    Refused,
    Send,
    Silent,
    Step,
)

_ANYHOW = Json({"id": Keep("id", Text(ID)), "domain": ANY, "stage": ANY, "api": Keep("api", Text(r"\w+"))})
_METRICS = ("ConnectCount", "MessageCount", "IntegrationError", "ClientError", "ExecutionError", "IntegrationLatency")
_LOG = "/conformance/http"
_DIGITS = Text(r"\d+")


def _domain(id_: str, situation: str, fact: str, *then: Step) -> Case:
    return Case(id_, situation, [fact], then, api="domain", needs="a custom domain and its certificate")


def _line(**keys: Any) -> Json:
    """A line of the access log, key for key."""
    return Json(
        {
            "connection": "<id>",
            "request": Keep("request", Text(ID)),
            "extended": "<request>",
            "message": "-",
            "backend": _DIGITS,
            "latency": _DIGITS,
            "error": "-",
            "at": _DIGITS,
            "time": Text(r"\d\d/\w+/\d+:[\d:]+ \+0000"),
            "connected": _DIGITS,
            "address": Text("[0-9a-f.:]+"),
            "agent": "conformance/1",
            "api": Keep("api", Text(r"\w+")),
            "stage": "live",
            "domain": Text(r"\w+\.execute-api\.[a-z0-9-]+\.amazonaws\.com"),
            **keys,
        }
    )


_TALK: tuple[Step, ...] = (
    Connect(signed="right"),
    Send('{"action":"mapped","room":"x"}'),
    Receive(Json(Some({"headers": Some({"x-connection": Keep("id", Text(ID))})}))),
)


def _refused(id_: str, what: str, fact: str, parts: Sequence[tuple[str, Mapping[str, Any], str]]) -> Case:
    steps = [Refused(kind, properties, about) for kind, properties, about in parts]
    return Case(id_, f"{what} is refused", [fact], steps, api="none", needs="the right to make APIs")


CASES = (
    _domain(
        "domain",
        "a custom domain leads to the API under its mapping key, and nowhere else",
        "1.domain",
        Connect(),
        Send("where"),
        Receive(_ANYHOW),
        Connect(suffix="/more", status=(403, 404)),
        Connect(suffix="more", status=(403, 404)),
    ),
    _domain(
        "domain-callback",
        "events name the custom domain and the stage; @connections is below the key, not the stage",
        "1.domain-callback",
        Connect(),
        Send("where"),
        Receive(Json({"id": Keep("id", Text(ID)), "domain": Keep("domain"), "stage": Keep("stage"), "api": ANY})),
        Http("POST", "/@connections/<id>", 200, body=b"pushed"),
        Receive("pushed"),
        Http("POST", "//<stage>/@connections/<id>", 403, body=b"x"),
        Connect(at="<domain>/<stage>", status=(403, 404)),
        Silent("where", _ANYHOW),
    ),
    _domain(
        "default-endpoint",
        "an API whose own endpoint is switched off is not there",
        "1.default-endpoint",
        Connect(),
        Send("where"),
        Receive(_ANYHOW),
        Connect(at="<api>.execute-api.<region>.amazonaws.com/live", status=403),
    ),
    Case(
        "access-log",
        "the connect, the message and the disconnect have a line each, with the values of its variables",
        ["14.format", "14.destination"],
        [
            *_TALK,
            Close(),
            *(
                Logged(_LOG, "<id>", _line(event=event, route=route, status="200", **more))
                for event, route, more in (
                    ("CONNECT", "$connect", {}),
                    ("MESSAGE", "mapped", {"message": Text(ID)}),
                    ("DISCONNECT", "$disconnect", {}),
                )
            ),
        ],
        api="http",
        needs="access to the log group",
    ),
    Case(
        "access-log-of-an-error",
        "a message whose integration fails has a line, too",
        ["14.format"],
        [
            *_TALK,
            Send('{"action":"hangup"}'),
            Receive(Json(Some({"message": "Internal server error"}))),
            Logged(
                _LOG,
                "hangup",
                _line(
                    connection=Text(ID),
                    event="MESSAGE",
                    route="hangup",
                    message=Text(ID),
                    status="500",
                    backend=ANY,
                    latency=ANY,
                    error="Internal server error",
                ),
            ),
        ],
        api="http",
        needs="access to the log group",
    ),
    Case(
        "metrics",
        "CloudWatch counts connects, messages and errors by API and stage, and by route; and nothing else",
        ["15.metrics", "15.dimensions", "15.no-gauge"],
        [
            Connect(client="b", status=403),
            *_TALK,
            Send('{"action":"templated","answer":{"status":404}}'),
            Receive("nothing there"),
            Send('{"action":"hangup"}'),
            Receive(Json(Some({"message": "Internal server error"}))),
            Close(),
            Logged(_LOG, "<id>", _line(event="CONNECT", route="$connect", status="200")),
            *(
                Measured(name, {"ApiId": "<api>", **more})
                for name in _METRICS
                for more in ({}, {"Stage": "live"})
                if name != "IntegrationLatency"
            ),
            Measured("IntegrationLatency", {"ApiId": "<api>", "Stage": "live"}, statistic="SampleCount", least=3),
            Measured("MessageCount", {"ApiId": "<api>", "Route": "mapped", "Stage": "live"}, least=2),
            Metrics("<api>", _METRICS),
        ],
        api="http",
        needs="access to CloudWatch",
    ),
    # One case, since making the template takes seconds.
    Case(
        "cdk",
        "of an API that the CDK makes, a route with return_response replies and one without does not; "
        "an HTTP integration is a resource of CloudFormation's",
        ["6.cdk", "7.cdk"],
        [
            Connect(),
            Send('{"action":"unanswered"}'),
            Silent('{"action":"answered"}', "from a function"),
            Send('{"action":"http"}'),
            Receive(Json(Some({"path": "/cdk", "body": '{"action":"http"}'}))),
        ],
        api="cdk",
    ),
    _refused(
        "refused-timeout",
        "a timeout below 50 ms or above 29 s",
        "7.timeout",
        [
            ("Integration", {"IntegrationType": "MOCK", "TimeoutInMillis": milliseconds}, str(milliseconds))
            for milliseconds in (49, 29_001)
        ],
    ),
    _refused("refused-route-key", "a route key of one's own that begins with $", "5.user-keys", [
        ("Route", {"RouteKey": "$mine"}, "$mine"),
    ]),
    _refused("refused-authorization", "authorization by JWT", "10.types", [
        ("Route", {"RouteKey": "$connect", "AuthorizationType": "JWT"}, "JWT"),
    ]),
    _refused("refused-template", "a mapping template of more than 300 KB", "9.template", [
        ("Integration", {"IntegrationType": "MOCK", "RequestTemplates": {"$default": "x" * (300 * 1024 + 1)}}, "300"),
    ]),
    _refused("refused-log-format", "an access log's format of more than 3 KB", "9.log-format", [
        ("Stage", {"StageName": "live", "AccessLogSettings": {
            "DestinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:/conformance",
            "Format": "$context.requestId " + "x" * 3072,
        }}, "format"),
    ]),
)  # fmt: skip
