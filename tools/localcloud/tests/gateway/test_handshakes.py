from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.gateway.effects import Accept, Effect, Failed, Handshake, Outcome, Raised, Returned
from localcloud.gateway.mapping import RequestParameters
from localcloud.gateway.model import Authorizer, Domain, Integration, Route
from localcloud.gateway.throttle import Limit

from .scenes import NOW, Scene, api, call, calls, frames, mock, refused

ARN = "arn:aws:execute-api:us-east-1:123456789012:abcde12345/prod/$connect"


OWN = "abcde12345.execute-api.us-east-1.amazonaws.com"


def authorizer(*sources: str) -> Authorizer:
    wanted = {f"integration.request.querystring.{number}": source for number, source in enumerate(sources)}
    return Authorizer("arn:authorizer", RequestParameters(wanted), len(sources))


def guarded(*sources: str, integration: Integration | None = None) -> Scene:
    route = Route("$connect", integration, authorizer=authorizer(*sources))
    return Scene(api(route, Route("$default", Integration("arn:f"), responds=True)))


def policy(effect: str = "Allow", resource: str = ARN, **more: Any) -> Returned:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return Returned(json.dumps({"principalId": "me", "policyDocument": document} | more).encode())


def decided(subject: Scene, outcome: Outcome) -> list[Effect]:
    return subject.gateway.completed(call(subject.ask()[1]).call_id, outcome, NOW)


# Authorizers.


def test_an_authorizer_is_asked_before_anything_else_happens() -> None:
    subject = guarded(integration=Integration("arn:connect"))
    connection_id, effects = subject.ask(query="k=v", Auth="token")
    asked = call(effects)
    assert asked.function_arn == "arn:authorizer"
    event = json.loads(asked.payload)
    assert (event["type"], event["methodArn"], event["stageVariables"]) == ("REQUEST", ARN, {})
    assert event["queryStringParameters"] == {"k": "v"}
    assert event["headers"]["Auth"] == "token"
    assert event["requestContext"]["connectionId"] == connection_id
    assert call(subject.gateway.completed(asked.call_id, policy(), NOW)).function_arn == "arn:connect"


def test_what_it_says_is_told_with_every_event() -> None:
    subject = guarded()
    connection_id, effects = subject.ask()
    granted = policy(context={"plan": "free", "seats": 5, "trial": True})
    accepted = subject.gateway.completed(call(effects).call_id, granted, NOW + 0.25)
    assert accepted == [Accept(connection_id, None)]
    event = json.loads(call(subject.gateway.receive(connection_id, "hi", NOW)).payload)
    assert event["requestContext"]["authorizer"] == {
        "plan": "free",
        "seats": 5,
        "trial": True,
        "principalId": "me",
        "integrationLatency": 250,
    }


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (policy("Deny"), 403),
        (policy(resource="arn:aws:execute-api:us-east-1:123456789012:other/*"), 403),
        (policy(resource=ARN.replace("$connect", "$default")), 403),
        (Raised(b'{"errorMessage":"Unauthorized"}'), 401),
        (Raised(b'{"errorMessage":"unauthorized"}'), 500),
        (Raised(b"[]"), 500),
        (Returned(b"{}"), 500),
        (Returned(b"no json"), 500),
        (policy(context={"list": []}), 500),
        (policy(context={"long": "x" * 9000}), 500),
        (Failed.FUNCTION_ERROR, 500),
        (Failed.TIMED_OUT, 500),
        (Failed.NOT_INVOKED, 500),
    ],
)
def test_what_an_authorizer_answers_decides_about_the_handshake(outcome: Outcome, status: int) -> None:
    subject = guarded(integration=Integration("arn:connect"))
    effects = decided(subject, outcome)
    assert refused(effects) == status
    assert calls(effects) == []
    assert (subject.gateway.connections, subject.gateway.calls) == (0, 0)


def test_an_allowed_arn_may_have_wildcards() -> None:
    assert decided(guarded(), policy(resource="arn:aws:execute-api:*:*:*/prod/*"))


@pytest.mark.parametrize(
    ("query", "headers"),
    [("", {}), ("name=x", {}), ("", {"Auth": "x"}), ("name=", {"Auth": "x"}), ("name=x", {"Auth": ""})],
)
def test_without_every_identity_source_the_authorizer_is_not_asked(query: str, headers: dict[str, str]) -> None:
    subject = guarded("route.request.header.Auth", "route.request.querystring.name")
    _, effects = subject.ask("/prod", query, NOW, **headers)
    assert refused(effects) == 401
    assert calls(effects) == []


def test_with_every_identity_source_it_is() -> None:
    sources = ("route.request.header.Auth", "route.request.querystring.name", "context.stage")
    assert call(guarded(*sources).ask("/prod", "name=x", NOW, auth="x")[1]).function_arn == "arn:authorizer"


def test_a_client_that_leaves_while_the_authorizer_thinks_is_let_go_once_connected() -> None:
    subject = guarded()
    connection_id, effects = subject.ask()
    subject.gateway.closed(connection_id, 1006, "", NOW)
    assert subject.gateway.completed(call(effects).call_id, policy(), NOW) == []
    assert subject.gateway.connections == 0


# IAM.


def signed(subject: Scene, *, secret: str = "local", query: bool = False, now: float | None = None) -> list[Effect]:  # noqa: S107
    """What comes of a handshake that is signed as clients sign it, with the real time."""
    signer = SigV4QueryAuth if query else SigV4Auth
    request = AWSRequest("GET", f"https://{OWN}/prod")
    signer(Credentials("local", secret), "execute-api", "us-east-1").add_auth(request)
    prepared = request.prepare()
    headers = (*((name, str(value)) for name, value in prepared.headers.items()), ("Host", OWN))
    signed_query = prepared.url.partition("?")[2]
    at = time.time() if now is None else now
    return subject.gateway.handshake(Handshake("/prod", signed_query, headers, "127.0.0.1"), at)[1]


@pytest.mark.parametrize("query", [False, True])
def test_a_signed_handshake_is_let_in(query: bool) -> None:
    subject = Scene(api(Route("$connect", None, iam=True)))
    (accepted,) = signed(subject, query=query)
    assert isinstance(accepted, Accept)


def test_an_unsigned_or_wrongly_signed_handshake_is_forbidden() -> None:
    subject = Scene(api(Route("$connect", None, iam=True)))
    assert refused(subject.ask(host=OWN)[1]) == 403
    assert refused(signed(subject, secret="guessed")) == 403
    assert refused(signed(subject, now=time.time() + 3600)) == 403


# Throttles.


def test_a_rate_of_zero_denies_every_handshake() -> None:
    for properties in ({"default_limit": Limit(0, 5)}, {"route_limits": {"$connect": Limit(5, 0)}}):
        subject = Scene(api(Route("$connect", mock()), **properties))
        assert refused(subject.ask()[1]) == 429
        assert subject.measured == {"ClientError": 1}


def test_handshakes_have_a_rate_of_their_own() -> None:
    subject = Scene(api())
    statuses = [subject.ask()[1] for _ in range(501)]
    assert [isinstance(effects[0], Accept) for effects in statuses] == [True] * 500 + [False]
    assert refused(statuses[-1]) == 429
    assert isinstance(subject.ask(now=NOW + 1)[1][0], Accept)


def test_a_throttled_message_is_an_error_frame_and_the_connection_stays() -> None:
    subject = Scene(api(Route("$default", mock(reply="ok"), responds=True), route_limits={"$default": Limit(1, 1)}))
    connection_id = subject.opened()
    first, second = (frames(subject.gateway.receive(connection_id, "hi", NOW)) for _ in range(2))
    assert first == ["ok"]
    (frame,) = second
    assert json.loads(frame)["message"] == "Too Many Requests"
    assert frames(subject.gateway.receive(connection_id, "hi", NOW + 1)) == ["ok"]


def test_callbacks_share_the_accounts_bucket() -> None:
    subject = Scene(api())
    path = f"/prod/@connections/{subject.opened()}"
    statuses = [subject.gateway.http("GET", path, b"", NOW)[0] for _ in range(5_000)]
    assert {response.status for response in statuses[:4_999]} == {200}  # the handshake took one
    assert statuses[-1].status == 429
    assert ("x-amzn-ErrorType", "LimitExceededException") in statuses[-1].headers


# Where an API is found.

DOMAINS = (Domain("ws.example.com", "chat"), Domain("whole.example.com"))


@pytest.mark.parametrize(
    ("host", "path", "found"),
    [
        (OWN, "/prod", True),
        (f"{OWN}:443", "/prod", True),
        ("127.0.0.1:4001", "/prod", True),
        ("", "/prod", True),
        (OWN, "/chat", False),
        ("ws.example.com", "/chat", True),
        ("WS.example.com:4001", "/chat", True),
        ("ws.example.com", "/prod", False),
        ("ws.example.com", "/", False),
        ("whole.example.com", "/", True),
        ("whole.example.com", "/prod", False),
    ],
)
def test_a_host_and_a_path_lead_to_the_api(host: str, path: str, found: bool) -> None:
    subject = Scene(api(domains=DOMAINS))
    assert (subject.gateway.refuse(path, host) is None) is found


def test_without_its_default_endpoint_an_api_is_at_its_custom_domains_only() -> None:
    subject = Scene(api(domains=DOMAINS, default_endpoint=False))
    assert subject.gateway.refuse("/prod", OWN) is not None
    assert subject.gateway.refuse("/chat", OWN) is not None
    assert subject.gateway.refuse("/chat", "localhost:4001") is None
    assert subject.gateway.refuse("/prod", "localhost:4001") is not None


@pytest.mark.parametrize(("host", "base"), [("ws.example.com", "/chat"), ("whole.example.com", "")])
def test_events_name_the_custom_domain_and_callbacks_its_key(host: str, base: str) -> None:
    subject = Scene(api(Route("$default", Integration("arn:f")), domains=DOMAINS))
    connection_id, _ = subject.ask(base or "/", host=host)
    context = json.loads(call(subject.gateway.receive(connection_id, "hi", NOW)).payload)["requestContext"]
    assert (context["domainName"], context["stage"]) == (host, "prod")
    headers = (("Host", host),)
    assert subject.gateway.http("POST", f"{base}/@connections/{connection_id}", b"x", NOW, headers)[0].status == 200
    assert subject.gateway.http("POST", f"/prod/@connections/{connection_id}", b"x", NOW, headers)[0].status == 403


def test_what_api_gateway_may_not_invoke_refuses_with_500_and_costs_messages() -> None:
    lambda_ = Integration("arn:f")
    subject = Scene(api(Route("$connect", lambda_), unpermitted=frozenset({"$connect"})))
    assert refused(subject.ask()[1]) == 500
    subject = Scene(api(Route("$connect", None, authorizer=authorizer()), unpermitted=frozenset({"authorizer"})))
    assert refused(subject.ask()[1]) == 500
    subject = Scene(api(Route("$default", lambda_), unpermitted=frozenset({"$default"})))
    effects = subject.gateway.receive(subject.opened(), "hi", NOW)
    assert json.loads(frames(effects)[0])["message"] == "Internal server error"
    assert calls(effects) == []
