"""Each setting changes what is on the wire."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from localcloud.gateway.effects import Close, Failed, Raised, Send
from localcloud.gateway.model import Integration, Limits, Route
from localcloud.gateway.settings import SettingError, Settings, change
from localcloud.gateway.throttle import Limit

from .scenes import NOW, Scene, api, call, calls, frames, refused, success
from .test_handshakes import authorizer

LAMBDA = Integration("arn:f")
ROUTES = (Route("$connect", LAMBDA), Route("$disconnect", LAMBDA), Route("$default", LAMBDA, responds=True))


def scene(*routes: Route, **settings: Any) -> Scene:
    return Scene(api(*(routes or ROUTES)), **settings)


def closed(code: int, **settings: Any) -> Any:
    """The `requestContext` of the DISCONNECT event after a close."""
    subject = scene(**settings)
    effects = subject.gateway.closed(subject.opened(), code, settings.get("given", ""), NOW)
    return json.loads(call(effects).payload)["requestContext"]


def test_the_status_at_an_unknown_path() -> None:
    for settings, status in ({}, 403), ({"unknown_path_status": 404}, 404):
        response = scene(**settings).gateway.refuse("/other")
        assert response is not None
        assert response.status == status


def test_the_status_of_a_connect_that_times_out() -> None:
    for settings, status in ({}, 504), ({"connect_timeout_status": 500}, 500):
        subject = scene(**settings)
        invoke = call(subject.ask()[1])
        assert refused(subject.gateway.completed(invoke.call_id, Failed.TIMED_OUT, NOW)) == status


def test_the_status_of_an_authorizer_that_fails() -> None:
    for settings, status in ({}, 500), ({"authorizer_error_status": 403}, 403):
        subject = scene(Route("$connect", None, authorizer=authorizer()), **settings)
        invoke = call(subject.ask()[1])
        assert refused(subject.gateway.completed(invoke.call_id, Raised(b"{}"), NOW)) == status


def test_the_status_without_an_api_key() -> None:
    route = Route("$connect", None, api_key=True)
    assert scene(route).opened()
    subject = scene(route, missing_api_key_status=403)
    assert refused(subject.ask()[1]) == 403
    assert subject.opened(x_api_key="any")


@pytest.mark.parametrize(("value", "given"), [("absent", ...), ("null", None), ("empty", {})])
def test_stage_variables_of_a_stage_that_has_none(value: str, given: Any) -> None:
    subject = scene(empty_stage_variables=value)
    event = json.loads(call(subject.ask()[1]).payload)
    assert event.get("stageVariables", ...) == given


def test_the_reason_of_a_lost_socket() -> None:
    assert closed(1006)["disconnectReason"] == ""
    assert closed(1006, reason_lost="Connection lost")["disconnectReason"] == "Connection lost"


def test_lifecycle_routes_reached_by_a_message() -> None:
    for settings, key in ({}, "$default"), ({"lifecycle_by_message": True}, "$disconnect"):
        subject = scene(**settings)
        invoke = call(subject.gateway.receive(subject.opened(), '{"action":"$disconnect"}', NOW))
        assert json.loads(invoke.payload)["requestContext"]["routeKey"] == key


def test_an_empty_reply() -> None:
    for settings, sent in ({}, []), ({"send_empty_reply": True}, [""]):
        subject = scene(**settings)
        connection_id = subject.opened()
        invoke = call(subject.gateway.receive(connection_id, "hi", NOW))
        assert frames(subject.gateway.completed(invoke.call_id, success(invoke), NOW)) == sent


def test_a_throttled_message() -> None:
    limited = api(*ROUTES, route_limits={"$default": Limit(0, 0)})
    subject = Scene(limited, throttled_message="Limit Exceeded")
    (frame,) = frames(subject.gateway.receive(subject.opened(), "hi", NOW))
    assert json.loads(frame)["message"] == "Limit Exceeded"
    subject = Scene(limited, throttled_closes=True)
    connection_id = subject.opened()
    effects = subject.gateway.receive(connection_id, "hi", NOW)
    assert Close(connection_id, 1008, "") in effects
    assert len(calls(effects)) == 1  # $disconnect
    assert subject.gateway.connections == 0


def test_a_post_that_is_not_utf_8() -> None:
    for settings, data in ({}, "a\ufffd"), ({"post_not_utf8": "binary"}, b"a\xff"):
        subject = scene(**settings)
        connection_id = subject.opened()
        _, effects = subject.gateway.http("POST", f"/prod/@connections/{connection_id}", b"a\xff", NOW)
        assert effects == [Send(connection_id, data)]


def test_pings_as_activity() -> None:
    for settings, closes in ({}, True), ({"ping_is_activity": True}, False):
        subject = scene(**settings)
        connection_id = subject.opened()
        subject.gateway.pinged(connection_id, NOW + 300)
        assert bool(subject.gateway.expire(NOW + 600)) is closes


def test_the_close_after_two_hours() -> None:
    for settings, told in ({}, (1001, "Going away")), ({"lifetime_code": 1000, "lifetime_reason": "x"}, (1000, "x")):
        subject = scene(**settings)
        connection_id = subject.opened()
        subject.gateway.receive(connection_id, "hi", NOW + 7199)
        close, invoke = subject.gateway.expire(NOW + 7200)
        assert close == Close(connection_id, *told)
        context = json.loads(call([invoke]).payload)["requestContext"]
        assert (context["disconnectStatusCode"], context["disconnectReason"]) == told


def test_an_id_that_api_gateway_never_makes() -> None:
    for settings, status in ({}, 410), ({"malformed_id_status": 400}, 400):
        gateway = scene(**settings).gateway
        assert gateway.http("POST", "/prod/@connections/short", b"", NOW)[0].status == status
        assert gateway.http("POST", "/prod/@connections/R0oXAdfD0kwCH6w%3D", b"", NOW)[0].status == 410


def test_signatures_of_callbacks() -> None:
    path = "/prod/@connections/R0oXAdfD0kwCH6w="
    assert scene().gateway.http("GET", path, b"", NOW)[0].status == 410
    assert scene(verify_signatures=True).gateway.http("GET", path, b"", NOW)[0].status == 403


# Integration settings are tested in test_integrations, those of frames in test_sockets.
ELSEWHERE = {
    "connect_no_response_status",
    "permessage_deflate",
    "reason_binary",
    "reason_too_large",
    "integration_headers",
    "proxy_client_headers",
    "access_keys",
}


def test_every_setting_has_a_test(request: pytest.FixtureRequest) -> None:
    source = request.path.read_text()
    used = {field.name for field in fields(Settings) if f"{field.name}=" in source or f'"{field.name}":' in source}
    assert {field.name for field in fields(Settings)} - used == ELSEWHERE


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("reason_lost", "a=b", "a=b"),
        ("unknown_path_status", "404", 404),
        ("permessage_deflate", "true", True),
        ("post_not_utf8", "binary", "binary"),
    ],
)
def test_a_setting_is_given_as_text(name: str, text: str, value: object) -> None:
    assert getattr(change(Settings(), name, text), name) == value
    assert change(Limits(), "idle", "1.5").idle == 1.5


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("nope", "1", "there is no setting 'nope'"),
        ("unknown_path_status", "x", "has to be a number"),
        ("unknown_path_status", "-1", "cannot be -1"),
        ("permessage_deflate", "yes", "can be true or false"),
        ("post_not_utf8", "x", "can be replace, binary"),
    ],
)
def test_a_wrong_setting_says_what_is_right(name: str, text: str, error: str) -> None:
    with pytest.raises(SettingError, match=error):
        change(Settings(), name, text)
