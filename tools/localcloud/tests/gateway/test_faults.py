"""Faults on purpose, and the access log."""

from __future__ import annotations

import json

import pytest

from localcloud.clock import Clock
from localcloud.errors import LocalError
from localcloud.faults import Faults, parse
from localcloud.gateway.access_log import AccessLog
from localcloud.gateway.effects import Accept, Failed, Returned
from localcloud.gateway.model import Integration, Route
from localcloud.metrics import Metrics

from .scenes import NOW, Scene, api, call, calls, frames, logged, mock

LAMBDA = Integration("arn:f")
ROUTES = (Route("$connect", LAMBDA), Route("$disconnect", LAMBDA), Route("$default", LAMBDA, responds=True))


def faulty(*names: str) -> Scene:
    return Scene(api(*ROUTES), lambda name: name in names)


def test_a_lost_disconnect_is_told_to_nobody() -> None:
    subject = faulty("disconnect-lost")
    assert subject.gateway.closed(subject.opened(), 1000, "", NOW) == []
    assert subject.gateway.connections == 0


def test_a_late_disconnect_is_told_a_minute_later() -> None:
    subject = faulty("disconnect-late")
    assert call(subject.gateway.closed(subject.opened(), 1000, "", NOW)).delay == 60
    assert call(faulty().ask()[1]).delay == 0


@pytest.mark.parametrize(("name", "status"), [("post-gone", 410), ("post-throttled", 429)])
def test_posts_fail_though_the_client_is_there(name: str, status: int) -> None:
    subject = faulty(name)
    path = f"/prod/@connections/{subject.opened()}"
    response, effects = subject.gateway.http("POST", path, b"x", NOW)
    assert (response.status, effects) == (status, [])
    assert subject.gateway.http("GET", path, b"", NOW)[0].status == 200


def test_a_post_may_say_gone_and_arrive_all_the_same() -> None:
    subject = faulty("post-doubted")
    connection_id = subject.opened()
    response, effects = subject.gateway.http("POST", f"/prod/@connections/{connection_id}", b"x", NOW)
    assert (response.status, frames(effects)) == (410, ["x"])
    assert subject.gateway.http("GET", f"/prod/@connections/{connection_id}", b"", NOW)[0].status == 200


def test_rates_are_from_0_to_1_and_names_are_known() -> None:
    assert parse(["post-gone=0.5", "function-crash=1"]) == {"post-gone": 0.5, "function-crash": 1.0}
    for wrong in ("post-gone=1.5", "post-gone=x", "post-gone=nan", "post-gone", "other=1"):
        with pytest.raises(LocalError):
            parse([wrong])


def test_the_same_seed_fails_at_the_same_moments_and_each_time_is_counted() -> None:
    def fired(seed: int, metrics: Metrics) -> list[bool]:
        faults = Faults({"post-gone": 0.3, "function-crash": 0.0}, seed, metrics)
        return [faults("post-gone") or faults("function-crash") or faults("disconnect-lost") for _ in range(1000)]

    metrics = Metrics(Clock())
    first = fired(1, metrics)
    assert first == fired(1, Metrics(Clock()))
    assert first != fired(2, Metrics(Clock()))
    assert 200 < sum(first) < 400
    counted = metrics.drain()
    assert {(one.namespace, one.name) for one in counted} == {("Duplex/Faults", "post-gone")}
    assert sum(one.sum for one in counted) == sum(first)


# The access log.

FORMAT = AccessLog(
    "$context.requestId $context.eventType $context.routeKey $context.status $context.integrationLatency "
    "$context.error.message $context.integration.error"
)


def scene(*routes: Route) -> Scene:
    return Scene(api(*(routes or ROUTES), access_log=FORMAT, log_group="/log"))


def test_every_request_has_a_line_once_it_has_ended() -> None:
    subject = scene()
    connection_id, asked = subject.ask()
    assert logged(asked) == []
    accepted = subject.gateway.completed(call(asked).call_id, Returned(b'{"statusCode":200}'), NOW + 0.5)
    assert logged(accepted) == [f"{call(asked).call_id} CONNECT $connect 200 500 - -"]
    for outcome, line in (
        (Returned(b'{"statusCode":404,"body":"x"}'), "MESSAGE $default 200 0 - -"),
        (Failed.TIMED_OUT, f"MESSAGE $default 504 0 Endpoint request timed out {Failed.TIMED_OUT.value}"),
    ):
        invoke = call(subject.gateway.receive(connection_id, "hi", NOW))
        assert logged(subject.gateway.completed(invoke.call_id, outcome, NOW)) == [f"{invoke.call_id} {line}"]
    invoke = call(subject.gateway.closed(connection_id, 1000, "", NOW))
    assert logged(subject.gateway.completed(invoke.call_id, Returned(b'{"statusCode":200}'), NOW)) == [
        f"{invoke.call_id} DISCONNECT $disconnect 200 0 - -"
    ]


def test_what_is_refused_has_a_line_too() -> None:
    subject = scene(Route("a", mock()))
    connection_id, effects = subject.ask()
    assert effects[0] == Accept(connection_id, None)
    assert logged(effects)[0].endswith("CONNECT $connect 200 - - -")
    effects = subject.gateway.receive(connection_id, "hi", NOW)
    assert json.loads(frames(effects)[0])["message"] == "Forbidden"
    assert logged(effects)[0].endswith("MESSAGE - 403 - Forbidden -")
    assert calls(effects) == []
