"""How a pod begins, counts and ends."""

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.api_pods.support import SECRET, Gate, Surroundings, ask, headers, metrics_of
from tests.processes import eventually

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("API_ID", None, "API_ID is not set: it must be the id of the API that may call this pod"),
        ("API_ID", "a\nb", r"API_ID is 'a\nb': it must be the id of the API that may call this pod"),
        ("AWS_REGION", None, "AWS_REGION is not set: it must be the region of the table and the API"),
        ("BACKEND", "lambda", "BACKEND is 'lambda': behind API Gateway it must be eks or ecs"),
        ("BACKEND", None, "BACKEND is None: behind API Gateway it must be eks or ecs"),
        ("CONNECTIONS_URL", None, "CONNECTIONS_URL is not set"),
        ("DOMAIN_NAME", "", "DOMAIN_NAME is not set"),
        ("GATEWAY_SECRET_ARN", None, "GATEWAY_SECRET_ARN is not set"),
        ("JOBS_URL", None, "JOBS_URL is not set"),
        ("METRICS_PORT", "-1", "METRICS_PORT is '-1': it must be a whole number, from 0 to 65535"),
        ("PORT", "65536", "PORT is '65536': it must be a whole number, from 0 to 65535"),
        ("SHUTDOWN_SECONDS", "3", "SHUTDOWN_SECONDS is '3': it must be a whole number, at least 4"),
        ("TABLE_NAME", None, "TABLE_NAME is not set"),
        ("THREADS", "49", "THREADS is '49': it must be a whole number, from 1 to 48"),
    ],
)
def test_settings_that_cannot_be_are_named_in_one_line(
    surroundings: Surroundings, name: str, value: str | None, said: str
) -> None:
    with surroundings.pod(**{name: value}) as pod:
        assert pod.ended() == 2
        [line] = pod.lines
        assert line.startswith(f"pods.api: {said}")


@pytest.mark.parametrize("name", ["PORT", "METRICS_PORT"])
def test_a_port_that_is_taken_is_named_in_one_line(surroundings: Surroundings, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with surroundings.pod(**{name: port}) as pod:
            assert pod.ended() == 1
            assert [line for line in pod.lines if "cannot listen" in line and port in line] == [pod.lines[-1]]


def test_a_pod_is_alive_before_it_is_ready(surroundings: Surroundings) -> None:
    name = "made-later"
    with surroundings.pod(GATEWAY_SECRET_ARN=name) as pod:
        assert pod.said("gateway secret not read")["reason"].startswith("ResourceNotFoundException")
        assert pod.ask("GET", "/healthz").status == 200
        assert pod.ask("GET", "/readyz").body == "the gateway's secret is not known yet\n"
        assert pod.call("/message", b"x").status == 403
        surroundings.client("secretsmanager").create_secret(Name=name, SecretString=SECRET)
        pod.ready()
        assert pod.call("/message", b"x").status == 200


def test_what_is_counted_is_the_same_for_prometheus_and_cloudwatch(surroundings: Surroundings) -> None:
    with surroundings.pod(BACKEND="ecs", MESSAGE_RATE="0") as pod:
        pod.ready()
        with contextlib.closing(pod.connection()) as connection:
            for _ in range(150):
                ask(connection, "POST", "/message", b"x", headers())
        pod.call("/connect", connection_id="c=")
        pod.call("/message", b"x", secret="a-guess")
        figures = pod.figures()
        assert figures["duplex_messages_total"] == 150
        assert figures['duplex_latency_seconds_count{route="$default"}'] == 150
        assert figures['duplex_latency_seconds_count{route="$connect"}'] == 1
        assert figures['duplex_errors_total{route="$connect"}'] == 0
        assert figures['duplex_refused_total{status="403"}'] == 1
        assert figures["duplex_requests_in_flight"] == 0
        assert pod.stop() == 0
        told = metrics_of(pod.lines)
        assert set(told) == {"$default", "$connect"}
        assert sum(told["$default"]["Messages"]) == 150
        assert len(told["$default"]["Latency"]) == 150
        assert (told["$connect"]["Connects"], told["$connect"]["Errors"]) == ([1], [0])


def test_requests_in_flight_are_answered_after_sigterm(surroundings: Surroundings) -> None:
    gate = Gate(surroundings.port)
    with (
        contextlib.closing(gate),
        surroundings.pod(AWS_ENDPOINT_URL_DYNAMODB=gate.url, SHUTDOWN_SECONDS="20") as pod,
        ThreadPoolExecutor(8) as callers,
    ):
        with contextlib.closing(pod.ready().connection()) as kept:
            ask(kept, "POST", "/message", b"x", headers())
            waiting = [callers.submit(pod.call, "/connect", connection_id=f"{number}=") for number in range(8)]
            eventually(lambda: pod.figures()["duplex_requests_in_flight"] == 8 and gate.asked >= 8, "all in flight")
            pod.process.terminate()
            pod.said("shutting down")
            late = ask(kept, "POST", "/message", b"late", headers())
        assert (late.status, late.body, late.headers["connection"]) == (200, "late", "close")
        assert pod.call("/message", b"later").body == "later"
        assert pod.ask("GET", "/readyz").status == 503
        gate.open()
        assert {future.result().status for future in waiting} == {200}
        assert {future.result().headers["connection"] for future in waiting} == {"close"}
        assert pod.ended() == 0


def test_a_pod_ends_in_time_when_requests_do_not(surroundings: Surroundings) -> None:
    gate = Gate(surroundings.port)
    with (
        contextlib.closing(gate),
        surroundings.pod(AWS_ENDPOINT_URL_DYNAMODB=gate.url, SHUTDOWN_SECONDS="4") as pod,
        ThreadPoolExecutor(1) as callers,
    ):
        caller = callers.submit(pod.ready().call, "/connect")
        eventually(lambda: gate.asked, "in flight")
        assert pod.stop() == 1
        assert (caller.result().status, caller.result().body) == (503, "shutting down\n")
        assert [line for line in pod.lines if "Exception in" in line] == []


def test_a_pod_that_nobody_calls_ends_at_once(surroundings: Surroundings) -> None:
    with surroundings.pod(SHUTDOWN_SECONDS="600") as pod:
        pod.ready()
        assert pod.stop() == 0
