from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.gateway.effects import Failed, Fetch, Invoke, Raised, Responded, Returned
from localcloud.gateway.mapping import RequestParameters
from localcloud.gateway.model import Integration, Route

from .scenes import Scene, api, call, calls, frames, mock, refused, responses, templates


def http(kind: Any = "HTTP_PROXY", **properties: Any) -> Integration:
    return Integration(kind=kind, url="http://backend/path", **properties)


def scene(integration: Integration, *, responds: bool = True, **settings: Any) -> Scene:
    return Scene(api(Route("$default", integration, responds)), **settings)


def error(effects: Any) -> str:
    (frame,) = frames(effects)
    content = json.loads(frame)
    assert list(content) == ["message", "connectionId", "requestId"]
    return str(content["message"])


# HTTP_PROXY.


def test_an_http_proxy_gets_the_message_as_it_is_and_its_answer_is_the_reply() -> None:
    subject = scene(http())
    connection_id = subject.opened()
    fetch = call(subject.gateway.receive(connection_id, 'say "hi"', 0))
    assert (fetch.method, fetch.url, fetch.body) == ("POST", "http://backend/path", b'say "hi"')
    answered = subject.gateway.completed(fetch.call_id, Responded(500, (), "gr\u00fc\u00dfe".encode()), 0)
    assert frames(answered) == ["gr\u00fc\u00dfe"]


def test_http_endpoints_get_the_gateways_headers() -> None:
    subject = scene(http())
    headers = dict(call(subject.gateway.receive(subject.opened(), "hi", 0)).headers)
    assert headers["User-Agent"] == "AmazonAPIGateway_abcde12345"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Forwarded-For"] == "203.0.113.9"


def test_http_endpoints_get_no_headers_of_the_gateways_when_set_so() -> None:
    subject = scene(http(), integration_headers=False)
    assert call(subject.gateway.receive(subject.opened(), "hi", 0)).headers == ()


def test_parameters_map_parts_of_the_message_and_the_context() -> None:
    parameters = {
        "integration.request.header.connectionId": "context.connectionId",
        "integration.request.header.Content-Type": "'text/plain'",
        "integration.request.querystring.room": "route.request.body.room",
        "integration.request.path.who": "route.request.body.who",
    }
    integration = Integration(kind="HTTP_PROXY", url="http://b/{who}", parameters=RequestParameters(parameters))
    subject = scene(integration)
    connection_id = subject.opened()
    fetch = call(subject.gateway.receive(connection_id, '{"room":"a b","who":"x/y"}', 0))
    assert fetch.url == "http://b/x%2Fy?room=a+b"
    headers = dict(fetch.headers)
    assert (headers["connectionId"], headers["Content-Type"]) == (connection_id, "text/plain")


def test_connect_passes_headers_and_query_of_the_client_to_an_http_proxy() -> None:
    subject = Scene(api(Route("$connect", http())))
    _, effects = subject.ask(query="k=v", Cookie="c=1", Connection="Upgrade", Host="x", Sec_WebSocket_Protocol="chat")
    fetch = call(effects)
    headers = dict(fetch.headers)
    assert fetch.url == "http://backend/path?k=v"
    assert (headers["Cookie"], headers["Sec-WebSocket-Protocol"]) == ("c=1", "chat")
    assert not {"Connection", "Host"} & set(headers)


def test_connect_keeps_the_clients_headers_to_itself_when_set_so() -> None:
    subject = Scene(api(Route("$connect", http())), proxy_client_headers=False)
    fetch = call(subject.ask(query="k=v", Cookie="c=1")[1])
    assert fetch.url == "http://backend/path"
    assert "Cookie" not in dict(fetch.headers)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Responded(403, (), b"no"), 403),
        (Responded(503, (), b""), 503),
        (Failed.UNREACHABLE, 500),
        (Failed.TIMED_OUT, 504),
        (Responded(200, (("sec-websocket-protocol", "a b"),), b""), 502),
    ],
)
def test_an_http_proxys_refusal_is_the_status_of_the_handshake(outcome: Responded | Failed, status: int) -> None:
    subject = Scene(api(Route("$connect", http())))
    fetch = call(subject.ask()[1])
    assert refused(subject.gateway.completed(fetch.call_id, outcome, 0)) == status
    assert subject.gateway.connections == 0


def test_an_http_proxy_chooses_the_subprotocol() -> None:
    subject = Scene(api(Route("$connect", http())))
    fetch = call(subject.ask()[1])
    outcome = Responded(200, (("sec-websocket-protocol", "chat"), ("x-other", "1")), b"dropped")
    (accepted,) = subject.gateway.completed(fetch.call_id, outcome, 0)
    assert getattr(accepted, "subprotocol", None) == "chat"


def test_binary_content_is_base64_on_the_wire_only() -> None:
    subject = scene(http(to_binary=True, to_text=True))
    connection_id = subject.opened()
    fetch = call(subject.gateway.receive(connection_id, "AP8=", 0))
    assert fetch.body == b"\x00\xff"
    assert frames(subject.gateway.completed(fetch.call_id, Responded(200, (), b"\xff\x00"), 0)) == ["/wA="]
    assert error(subject.gateway.receive(connection_id, "not base64!", 0)) == "Internal server error"


def test_a_get_has_no_body() -> None:
    subject = scene(http(method="GET"))
    assert call(subject.gateway.receive(subject.opened(), "hi", 0)).body == b""


def test_a_route_without_response_discards_what_the_endpoint_says() -> None:
    assert frames(scene(http(), responds=False).says("hi", Responded(200, (), b"hello"))) == []


@pytest.mark.parametrize(
    ("outcome", "text"),
    [(Failed.UNREACHABLE, "Internal server error"), (Failed.TIMED_OUT, "Endpoint request timed out")],
)
def test_a_failing_endpoint_is_an_error_frame_even_without_a_route_response(outcome: Failed, text: str) -> None:
    assert error(scene(http(), responds=False).says("hi", outcome)) == text


def test_a_private_endpoint_is_reached_through_its_link() -> None:
    subject = scene(http(private=True))
    assert call(subject.gateway.receive(subject.opened(), "hi", 0)).private


# HTTP.

BODY = '{"id":"$context.connectionId","said":"$util.escapeJavaScript($input.body)"}'


def test_an_http_integration_gets_what_its_template_makes() -> None:
    subject = scene(http("HTTP", templates=templates(default=BODY), responses=responses(default=None)))
    connection_id = subject.opened()
    fetch = call(subject.gateway.receive(connection_id, 'say "hi"', 0))
    assert json.loads(fetch.body) == {"id": connection_id, "said": 'say "hi"'}


def test_the_template_is_chosen_by_the_message() -> None:
    chosen = templates(selection="${request.body.kind}", a="A", default="other")
    subject = scene(http("HTTP", templates=chosen))
    connection_id = subject.opened()
    sent = [call(subject.gateway.receive(connection_id, text, 0)).body for text in ('{"kind":"a"}', '{"kind":"b"}')]
    assert sent == [b"A", b"other"]


@pytest.mark.parametrize(
    ("chosen", "passed"),
    [
        (templates(), True),
        (templates(a="A", selection="b"), True),
        (templates("WHEN_NO_TEMPLATES"), True),
        (templates("WHEN_NO_TEMPLATES", a="A", selection="b"), False),
        (templates("NEVER"), False),
    ],
)
def test_without_a_template_that_fits_passthrough_decides(chosen: Any, passed: bool) -> None:
    subject = scene(http("HTTP", templates=chosen))
    effects = subject.gateway.receive(subject.opened(), "hi", 0)
    if passed:
        assert call(effects).body == b"hi"
    else:
        assert error(effects) == "Unsupported Media Type"


def test_a_template_that_fails_costs_its_message() -> None:
    subject = scene(http("HTTP", templates=templates(default="$input.json('$.x')")))
    connection_id = subject.opened()
    assert error(subject.gateway.receive(connection_id, "not json", 0)) == "Internal server error"
    assert call(subject.gateway.receive(connection_id, '{"x":5}', 0)).body == b"5"
    assert subject.measured["ExecutionError"] == 1


def test_the_integration_response_is_chosen_by_status_and_makes_the_reply() -> None:
    chosen = responses(_4xx='{"no":$input.json("$.why")}', default=None)
    subject = scene(http("HTTP", responses=chosen))
    assert frames(subject.says("hi", Responded(404, (), b'{"why":"x"}'))) == ['{"no":"x"}']
    assert frames(subject.says("hi", Responded(200, (), b"as it is"))) == ["as it is"]


def test_a_reply_needs_an_integration_response_that_fits() -> None:
    assert error(scene(http("HTTP")).says("hi", Responded(200, (), b"x"))) == "Internal server error"
    only = http("HTTP", responses=responses(_200=None))
    assert error(scene(only).says("hi", Responded(500, (), b"x"))) == "Internal server error"
    assert frames(scene(only, responds=False).says("hi", Responded(500, (), b"x"))) == []


def test_the_response_template_is_chosen_by_the_answer() -> None:
    chosen = templates(selection="${integration.response.header.kind}", a="A", default="other")
    subject = scene(http("HTTP", responses=responses(default=chosen)))
    assert frames(subject.says("hi", Responded(200, (("kind", "a"),), b""))) == ["A"]
    assert frames(subject.says("hi", Responded(200, (), b""))) == ["other"]


def test_connect_without_an_integration_response_fails() -> None:
    for settings, status in ({}, 500), ({"connect_no_response_status": 502}, 502):
        subject = Scene(api(Route("$connect", http("HTTP"))), **settings)
        fetch = call(subject.ask()[1])
        assert refused(subject.gateway.completed(fetch.call_id, Responded(200, (), b""), 0)) == status


def test_connect_with_an_integration_response_has_the_endpoints_status() -> None:
    for status, accepted in (200, True), (403, False):
        subject = Scene(api(Route("$connect", http("HTTP", responses=responses(default=None)))))
        fetch = call(subject.ask()[1])
        effects = subject.gateway.completed(fetch.call_id, Responded(status, (), b"dropped"), 0)
        assert (subject.gateway.connections == 1) is accepted
        if not accepted:
            assert refused(effects) == status


# MOCK.


def test_a_mock_answers_without_a_call() -> None:
    subject = scene(mock(reply='{"to":"$context.connectionId"}'))
    connection_id = subject.opened()
    effects = subject.gateway.receive(connection_id, "hi", 0)
    assert [json.loads(frame) for frame in frames(effects)] == [{"to": connection_id}]
    assert calls(effects) == []
    assert "IntegrationLatency" not in subject.measured


@pytest.mark.parametrize("text", ["hi", "{}", '{"statusCode":"200"}', '{"statusCode":true}', '{"statusCode":7}'])
def test_a_mock_needs_a_status_code(text: str) -> None:
    subject = scene(Integration(kind="MOCK", templates=templates(default=text), responses=responses(default=None)))
    assert error(subject.says("x")) == "Internal server error"


def test_a_mock_accepts_or_refuses_connections() -> None:
    assert Scene(api(Route("$connect", mock()))).opened()
    assert refused(Scene(api(Route("$connect", mock(403)))).ask()[1]) == 403


# AWS.


def aws(**properties: Any) -> Integration:
    return Integration("arn:f", kind="AWS", **properties)


def test_a_function_that_is_no_proxy_gets_what_the_template_makes_and_its_result_is_the_reply() -> None:
    subject = scene(
        aws(templates=templates(default='{"said":$input.json("$.text")}'), responses=responses(default=None))
    )
    connection_id = subject.opened()
    invoke = call(subject.gateway.receive(connection_id, '{"text":"hi"}', 0))
    assert (invoke.function_arn, invoke.payload) == ("arn:f", b'{"said":"hi"}')
    assert frames(subject.gateway.completed(invoke.call_id, Returned(b'{"any":"json"}'), 0)) == ['{"any":"json"}']


def test_functions_take_json_only() -> None:
    assert error(scene(aws()).says("no json")) == "Internal server error"
    subject = Scene(api(Route("$connect", aws(responses=responses(default=None)))))
    assert call(subject.ask()[1]).payload == b"{}"


def test_the_integration_response_is_chosen_by_the_error_message() -> None:
    subject = scene(aws(responses=responses(_bad='{"refused":true}', default='{"fine":true}')))
    raised = Raised(b'{"errorMessage":"a bad word","errorType":"ValueError"}')
    assert frames(subject.says("{}", raised)) == ['{"refused":true}']
    assert frames(subject.says("{}", Returned(b'"bad"'))) == ['{"fine":true}']


def test_a_function_that_raises_refuses_the_connection() -> None:
    subject = Scene(api(Route("$connect", aws(responses=responses(default=None)))))
    invoke = call(subject.ask()[1])
    assert refused(subject.gateway.completed(invoke.call_id, Raised(b'{"errorMessage":"x"}'), 0)) == 502


def test_an_event_invocation_is_not_waited_for() -> None:
    parameters = RequestParameters({"integration.request.header.X-Amz-Invocation-Type": "'Event'"})
    subject = scene(aws(parameters=parameters, responses=responses(default="sent")))
    connection_id = subject.opened()
    effects = subject.gateway.receive(connection_id, "{}", 0)
    assert frames(effects) == ["sent"]
    assert subject.gateway.calls == 0
    assert subject.gateway.completed(call(effects).call_id, Returned(b'"late"'), 0) == []


# Lambda proxies have tests of their own in test_core.


def test_a_function_proxy_that_raises_is_an_internal_error() -> None:
    subject = scene(Integration("arn:f"))
    assert error(subject.says("hi", Raised(b'{"errorMessage":"secret"}'))) == "Internal server error"


def test_effects_name_their_connection() -> None:
    for integration, kind in (Integration("arn:f"), Invoke), (http(), Fetch):
        subject = scene(integration)
        connection_id = subject.opened()
        effect = call(subject.gateway.receive(connection_id, "hi", 0))
        assert isinstance(effect, kind)
        assert effect.connection_id == connection_id
