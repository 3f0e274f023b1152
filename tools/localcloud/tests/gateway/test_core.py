from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from localcloud.gateway.core import Gateway
from localcloud.gateway.effects import Accept, Close, Effect, Failed, Handshake, Invoke, Reject, Returned, Send
from localcloud.gateway.model import Api, Integration, Limits, Route
from localcloud.gateway.selection import parse

NOW = 1_708_326_702.183
HANDSHAKE = Handshake("/prod", "", (("User-Agent", "test"),), "203.0.113.9")


def api(**routes: Route | None) -> Api:
    """An API with the usual routes; `routes` replace or, with None, remove them by their first word."""
    usual = {
        "connect": Route("$connect", Integration("arn:connect")),
        "disconnect": Route("$disconnect", Integration("arn:disconnect")),
        "default": Route("$default", Integration("arn:default"), responds=True),
        "quiet": Route("quiet", Integration("arn:quiet")),
    }
    chosen = [route for route in (usual | routes).values() if route is not None]
    by_key = {route.key: route for route in chosen}
    return Api("abcde12345", "prod", "us-east-1", parse("$request.body.action"), by_key)


class Scene:
    """A gateway, the effects it asked for, and short ways to answer them."""

    def __init__(self, api: Api) -> None:
        numbers = itertools.count(1)
        self.gateway = Gateway(api, lambda _: f"id{next(numbers)}")

    def opened(self) -> str:
        connection_id, effects = self.gateway.handshake(HANDSHAKE, NOW)
        if invoked := calls(effects):
            effects = self.gateway.completed(invoked[0].call_id, returned({"statusCode": 200}), NOW)
        assert effects == [Accept(connection_id, None)]
        return connection_id

    def says(self, connection_id: str, text: str, result: Any, now: float = NOW) -> list[Effect]:
        (call,) = calls(self.gateway.receive(connection_id, text, now))
        return self.gateway.completed(call.call_id, result if isinstance(result, Failed) else returned(result), now)


def returned(result: object) -> Returned:
    return Returned(json.dumps(result).encode())


def calls(effects: list[Effect]) -> list[Invoke]:
    return [effect for effect in effects if isinstance(effect, Invoke)]


def event(call: Invoke) -> dict[str, Any]:
    content = json.loads(call.payload)
    assert isinstance(content, dict)
    return content


# The handshake.


def test_the_handshake_waits_for_connect() -> None:
    scene = Scene(api())
    _, effects = scene.gateway.handshake(HANDSHAKE, NOW)
    assert [call.function_arn for call in calls(effects)] == ["arn:connect"]
    assert len(effects) == 1


def test_without_a_connect_route_everybody_is_accepted() -> None:
    scene = Scene(api(connect=None))
    connection_id, effects = scene.gateway.handshake(HANDSHAKE, NOW)
    assert effects == [Accept(connection_id, None)]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (returned({"statusCode": 400}), 400),
        (returned({"statusCode": 401, "body": "dropped"}), 401),
        (returned({"statusCode": 403}), 403),
        (returned({"statusCode": 500}), 500),
        (returned({"statusCode": 302}), 302),
        (returned({"statusCode": "403"}), 403),
        (returned({}), 502),
        (returned(None), 502),
        (returned("ok"), 502),
        (returned({"statusCode": "ok"}), 502),
        (returned({"statusCode": True}), 502),
        (returned({"statusCode": 101}), 502),
        (returned({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "a\r\nX: 1"}}), 502),
        (returned({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "€"}}), 502),
        (returned({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": 5}}), 502),
        (returned({"statusCode": 200, "body": {"not": "text"}}), 502),
        (Returned(b"not json"), 502),
        (Returned(b"[" * 100_000), 502),
        (Failed.FUNCTION_ERROR, 502),
        (Failed.TIMED_OUT, 504),
        (Failed.NOT_INVOKED, 500),
        (Failed.THROTTLED, 500),
    ],
)
def test_what_connect_answers_becomes_the_status_of_the_handshake(outcome: Returned | Failed, status: int) -> None:
    scene = Scene(api())
    connection_id, effects = scene.gateway.handshake(HANDSHAKE, NOW)
    (effect,) = scene.gateway.completed(calls(effects)[0].call_id, outcome, NOW)
    assert isinstance(effect, Reject)
    assert (effect.connection_id, effect.status) == (connection_id, status)
    assert "dropped" not in effect.body
    assert scene.gateway.connections == 0


def test_only_the_subprotocol_of_connects_headers_is_passed_on() -> None:
    scene = Scene(api())
    connection_id, effects = scene.gateway.handshake(HANDSHAKE, NOW)
    answer = returned({"statusCode": 200, "headers": {"sec-websocket-protocol": "chat", "X-Other": "1"}, "body": "x"})
    assert scene.gateway.completed(calls(effects)[0].call_id, answer, NOW) == [Accept(connection_id, "chat")]


@pytest.mark.parametrize("path", ["/", "/dev", "/prod/more", "/prod/@connections/x"])
def test_an_upgrade_anywhere_but_at_the_stage_is_forbidden(path: str) -> None:
    refusal = Scene(api()).gateway.refuse(path)
    assert refusal is not None
    assert refusal.status == 403


def test_an_upgrade_at_the_stage_is_not_refused() -> None:
    assert Scene(api()).gateway.refuse("/prod") is None


def test_a_client_that_leaves_before_connect_succeeded_is_disconnected_afterwards() -> None:
    scene = Scene(api())
    connection_id, effects = scene.gateway.handshake(HANDSHAKE, NOW)
    assert scene.gateway.closed(connection_id, 1006, "", NOW) == []
    (call,) = calls(scene.gateway.completed(calls(effects)[0].call_id, returned({"statusCode": 200}), NOW))
    assert call.function_arn == "arn:disconnect"
    assert event(call)["requestContext"]["disconnectStatusCode"] == 1006
    assert scene.gateway.connections == 0


def test_a_client_that_leaves_before_connect_failed_leaves_nothing() -> None:
    scene = Scene(api())
    connection_id, effects = scene.gateway.handshake(HANDSHAKE, NOW)
    scene.gateway.closed(connection_id, 1006, "", NOW)
    after = scene.gateway.completed(calls(effects)[0].call_id, Failed.FUNCTION_ERROR, NOW)
    assert calls(after) == []
    assert scene.gateway.connections == 0


# Messages.


def test_a_reply_is_sent_where_the_route_has_a_response() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    assert scene.says(connection_id, "hi", {"statusCode": 200, "body": "hi"}) == [Send(connection_id, "hi")]


def test_no_reply_is_sent_where_the_route_has_no_response() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    assert scene.says(connection_id, '{"action":"quiet"}', {"statusCode": 200, "body": "hi"}) == []


@pytest.mark.parametrize(
    "result", [{"statusCode": 200}, {"statusCode": 200, "body": ""}, {"statusCode": 200, "body": None}]
)
def test_an_empty_reply_is_no_frame(result: dict[str, object]) -> None:
    scene = Scene(api())
    assert scene.says(scene.opened(), "hi", result) == []


def test_the_status_of_a_message_route_is_not_shown_to_the_client() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    assert scene.says(connection_id, "hi", {"statusCode": 500, "body": "sorry"}) == [Send(connection_id, "sorry")]


def test_a_base64_reply_is_decoded() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    result = {"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}
    assert scene.says(connection_id, "hi", result) == [Send(connection_id, "hi")]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (Failed.FUNCTION_ERROR, "Internal server error"),
        (Failed.NOT_INVOKED, "Internal server error"),
        (Failed.THROTTLED, "Internal server error"),
        (Failed.TIMED_OUT, "Endpoint request timed out"),
        (None, "Internal server error"),
        ({"body": "no status"}, "Internal server error"),
        ({"statusCode": 200, "body": 5}, "Internal server error"),
        ({"statusCode": 200, "body": "!", "isBase64Encoded": True}, "Internal server error"),
    ],
)
@pytest.mark.parametrize("message", ["hi", '{"action":"quiet"}'])
def test_a_failure_is_an_error_frame_even_without_a_route_response(result: object, text: str, message: str) -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    (effect,) = scene.says(connection_id, message, result)
    assert isinstance(effect, Send)
    frame = json.loads(effect.text)
    assert list(frame) == ["message", "connectionId", "requestId"]
    assert frame["message"] == text
    assert frame["connectionId"] == connection_id


def test_no_route_and_no_default_is_forbidden_and_the_connection_stays() -> None:
    scene = Scene(api(default=None))
    connection_id = scene.opened()
    (effect,) = scene.gateway.receive(connection_id, "hi", NOW)
    assert isinstance(effect, Send)
    assert json.loads(effect.text)["message"] == "Forbidden"
    assert scene.gateway.connections == 1


def test_a_route_without_an_integration_takes_the_message_and_says_nothing() -> None:
    scene = Scene(api(quiet=Route("quiet", None)))
    assert scene.gateway.receive(scene.opened(), '{"action":"quiet"}', NOW) == []


def test_messages_before_the_handshake_is_done_go_nowhere() -> None:
    scene = Scene(api())
    connection_id, _ = scene.gateway.handshake(HANDSHAKE, NOW)
    assert scene.gateway.receive(connection_id, "hi", NOW) == []


def test_an_answer_is_given_once() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    (call,) = calls(scene.gateway.receive(connection_id, "hi", NOW))
    assert scene.gateway.completed(call.call_id, Failed.TIMED_OUT, NOW)
    assert scene.gateway.completed(call.call_id, returned({"statusCode": 200, "body": "late"}), NOW) == []


def test_an_answer_to_a_client_that_has_gone_goes_nowhere() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    (call,) = calls(scene.gateway.receive(connection_id, "hi", NOW))
    scene.gateway.closed(connection_id, 1000, "", NOW)
    assert scene.gateway.completed(call.call_id, returned({"statusCode": 200, "body": "hi"}), NOW) == []


def test_messages_of_one_connection_are_under_way_at_once() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    first, second = (calls(scene.gateway.receive(connection_id, text, NOW))[0] for text in ("1", "2"))
    assert scene.gateway.completed(second.call_id, returned({"statusCode": 200, "body": "2"}), NOW)
    assert scene.gateway.completed(first.call_id, returned({"statusCode": 200, "body": "1"}), NOW)


# The end.


@pytest.mark.parametrize(
    ("code", "reason", "told_code", "told_reason"),
    [
        (1000, "", 1000, "Connection Closed Normally"),
        (1005, "", 1005, "Client-side close frame status not set"),
        (1001, "", 1001, ""),
        (4000, "mine", 4000, "mine"),
    ],
)
def test_disconnect_is_told_how_the_connection_ended(code: int, reason: str, told_code: int, told_reason: str) -> None:
    scene = Scene(api())
    (call,) = calls(scene.gateway.closed(scene.opened(), code, reason, NOW))
    context = event(call)["requestContext"]
    assert (call.function_arn, context["routeKey"]) == ("arn:disconnect", "$disconnect")
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (told_code, told_reason)


def test_a_connection_ends_once() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    assert scene.gateway.closed(connection_id, 1000, "", NOW)
    assert scene.gateway.closed(connection_id, 1006, "", NOW) == []


def test_a_silent_connection_is_closed_after_ten_minutes() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    assert scene.gateway.expire(NOW + 599.9) == []
    close, disconnected = scene.gateway.expire(NOW + 600)
    assert close == Close(connection_id, 1001, "Going away")
    assert isinstance(disconnected, Invoke)
    assert scene.gateway.connections == 0


def test_traffic_in_either_direction_keeps_a_connection() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    scene.gateway.receive(connection_id, "hi", NOW + 500)
    assert scene.gateway.expire(NOW + 1000) == []
    scene.gateway.http("POST", f"/prod/@connections/{connection_id}", b"hi", NOW + 1050)
    assert scene.gateway.expire(NOW + 1600) == []
    assert scene.gateway.expire(NOW + 1650) != []


def test_a_connection_lives_two_hours_at_most() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    for minute in range(0, 120, 5):
        scene.gateway.receive(connection_id, "hi", NOW + minute * 60)
    assert scene.gateway.expire(NOW + 7199) == []
    assert scene.gateway.expire(NOW + 7200)[0] == Close(connection_id, 1001, "Going away")


def test_limits_are_settings() -> None:
    scene = Scene(replace(api(), limits=Limits(idle=5)))
    scene.opened()
    assert scene.gateway.expire(NOW + 5)


# @connections.


def test_post_sends_to_the_client() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    response, effects = scene.gateway.http("POST", f"/prod/@connections/{connection_id}", "hé".encode(), NOW)
    assert (response.status, response.body) == (200, b"")
    assert effects == [Send(connection_id, "hé")]


@pytest.mark.parametrize("path", ["/prod/%40connections/{}", "/prod/@connections/{}"])
def test_ids_and_the_at_sign_may_be_url_encoded(path: str) -> None:
    gateway = Gateway(api(connect=None), lambda _: "R0oXAdfD0kwCH6w=")
    gateway.handshake(HANDSHAKE, NOW)
    response, _ = gateway.http("POST", path.format("R0oXAdfD0kwCH6w%3D"), b"hi", NOW)
    assert response.status == 200


def test_get_describes_the_connection() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    scene.gateway.receive(connection_id, "hi", NOW + 1)
    response, effects = scene.gateway.http("GET", f"/prod/@connections/{connection_id}", b"", NOW + 2)
    assert effects == []
    assert json.loads(response.body) == {
        "connectedAt": "2024-02-19T07:11:42.183Z",
        "identity": {"sourceIp": "203.0.113.9", "userAgent": "test"},
        "lastActiveAt": "2024-02-19T07:11:43.183Z",
    }


def test_delete_closes_the_connection_and_runs_disconnect() -> None:
    scene = Scene(api())
    connection_id = scene.opened()
    response, (close, call) = scene.gateway.http("DELETE", f"/prod/@connections/{connection_id}", b"", NOW)
    assert (response.status, response.body) == (204, b"")
    assert close == Close(connection_id, 1000, "")
    assert isinstance(call, Invoke)
    assert event(call)["requestContext"]["disconnectReason"] == "Connection Closed Normally"
    assert scene.gateway.closed(connection_id, 1000, "", NOW) == []


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_connection_that_is_not_open_is_gone(method: str) -> None:
    scene = Scene(api())
    pending, _ = scene.gateway.handshake(HANDSHAKE, NOW)
    for connection_id in ("never", pending):
        response, effects = scene.gateway.http(method, f"/prod/@connections/{connection_id}", b"", NOW)
        assert response.status == 410
        assert ("x-amzn-ErrorType", "GoneException") in response.headers
        assert effects == []


def test_a_message_over_128_kb_is_too_large() -> None:
    scene = Scene(api())
    path = f"/prod/@connections/{scene.opened()}"
    assert scene.gateway.http("POST", path, b"x" * 131_072, NOW)[0].status == 200
    response, effects = scene.gateway.http("POST", path, b"x" * 131_073, NOW)
    assert (response.status, effects) == (413, [])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/prod", 426),
        ("GET", "/prod/any/thing", 426),
        ("GET", "/dev", 403),
        ("POST", "/prod", 403),
        ("POST", "/dev/@connections/id", 403),
        ("POST", "/prod/@connections/", 403),
        ("POST", "/prod/prod/@connections/id", 403),
        ("PUT", "/prod/@connections/id", 403),
    ],
)
def test_other_requests_are_refused(method: str, path: str, status: int) -> None:
    assert Scene(api()).gateway.http(method, path, b"", NOW)[0].status == status


# What is measured.


class Measured(Scene):
    """A scene that adds up what the gateway measures."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self.counts: dict[tuple[str, str | None], float] = {}
        numbers = itertools.count(1)
        self.gateway = Gateway(api, lambda _: f"id{next(numbers)}", self.measure)

    def measure(self, name: str, value: float, route: str | None) -> None:
        self.counts[name, route] = self.counts.get((name, route), 0) + value


def test_connects_messages_in_and_out_and_latency_are_measured() -> None:
    scene = Measured(api())
    connection_id = scene.opened()
    (call,) = calls(scene.gateway.receive(connection_id, "hi", NOW))
    scene.gateway.completed(call.call_id, returned({"statusCode": 200, "body": "hi"}), NOW + 0.25)
    scene.gateway.http("POST", f"/prod/@connections/{connection_id}", b"hi", NOW)
    assert scene.counts == {
        ("ConnectCount", "$connect"): 1,
        ("IntegrationLatency", "$connect"): 0,
        ("MessageCount", "$default"): 2,
        ("IntegrationLatency", "$default"): 250,
        ("MessageCount", None): 1,
    }


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Failed.FUNCTION_ERROR, "IntegrationError"),
        (None, "IntegrationError"),
        ({"statusCode": 404}, "IntegrationError"),
        (Failed.TIMED_OUT, "ExecutionError"),
        (Failed.NOT_INVOKED, "ExecutionError"),
        (Failed.THROTTLED, "ExecutionError"),
    ],
)
def test_errors_are_measured_by_where_they_arise(outcome: object, name: str) -> None:
    scene = Measured(api())
    scene.says(scene.opened(), "hi", outcome)
    errors = {key: value for key, value in scene.counts.items() if key[0].endswith("Error")}
    assert errors == {(name, "$default"): 1}


def test_what_never_reaches_an_integration_is_a_client_error() -> None:
    scene = Measured(api(default=None))
    scene.gateway.receive(scene.opened(), "hi", NOW)
    scene.gateway.refuse("/dev")
    assert scene.counts["ClientError", None] == 2
