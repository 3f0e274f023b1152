"""Who may open a socket, and what a load balancer is told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from multidict import CIMultiDict
from picows import WSUpgradeRequest
from websockets.sync.client import connect

from pods.sockets.handshake import Handshakes
from pods.sockets.limits import Limits
from pods.sockets.metrics import SocketMetrics
from pods.sockets.socket import Socket
from tests.e2e.socket_pods.conftest import Pods
from tests.e2e.socket_pods.fleet import Fleet
from tests.e2e.socket_pods.raw import TEXT, Raw, frame
from tests.processes import PATIENCE, eventually

slow = pytest.mark.slow


@slow
def test_a_full_pod_refuses_before_the_upgrade_and_takes_clients_again(pods: Pods) -> None:
    pod = pods(max_connections=2)
    assert pod.figure("ws_connection_capacity") == 2
    with Raw(pod).open() as first, Raw(pod).open(), Raw(pod) as third:
        head = third.ask()
        assert head.startswith("HTTP/1.1 503")
        assert "retry-after: 5" in head.lower()
        assert third.ended()
        first.socket.close()
        eventually(lambda: pod.figure("ws_connections_active") == 1, "a place")
        with Raw(pod).open() as fourth:
            fourth.send(frame(TEXT, b"in"))
            assert fourth.frame() == (TEXT, b"in")
    assert 'ws_handshakes_refused_total{reason="capacity"} 1.0' in pod.get("metrics", "/metrics")[1]


@slow
def test_only_allowed_origins_may_connect(pods: Pods) -> None:
    pod = pods(allowed_origins="https://a.example,http://localhost:3000")
    for origin, status in (
        ("https://a.example", 101),
        ("http://localhost:3000", 101),
        (None, 101),
        ("https://b.example", 403),
        ("null", 403),
        ("https://a.example.evil.example", 403),
    ):
        with Raw(pod) as raw:
            assert raw.ask(Origin=origin).startswith(f"HTTP/1.1 {status}"), origin


@slow
def test_what_browsers_send_is_accepted_and_what_is_no_handshake_is_not(fleet: Fleet) -> None:
    (pod,) = fleet.pods
    for status, changed in (
        (101, {"Connection": "keep-alive, Upgrade"}),
        (101, {"Connection": "upgrade", "Upgrade": "WebSocket"}),
        (101, {"Sec_WebSocket_Extensions": "permessage-deflate"}),
        (400, {"Connection": "keep-alive"}),
        (400, {"Upgrade": None}),
        (400, {"Sec_WebSocket_Key": "short"}),
        (400, {"Sec_WebSocket_Version": "12"}),
    ):
        with Raw(pod) as raw:
            head = raw.ask(**changed)
            assert head.startswith(f"HTTP/1.1 {status}"), changed
            assert "permessage-deflate" not in head
    for head, method in (("HTTP/1.1 400", "POST"), ("HTTP/1.1 101", "GET")):
        with Raw(pod) as raw:
            assert raw.ask(method=method).startswith(head)
    with Raw(pod) as raw:
        raw.send(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)
        assert raw.ended()


@slow
def test_a_handshake_that_takes_too_long_ends(pods: Pods) -> None:
    pod = pods(handshake_seconds=1)
    began = time.monotonic()
    with Raw(pod) as raw:
        raw.send(b"GET / HTTP/1.1\r\n")
        assert raw.ended()
    assert time.monotonic() - began >= 0.9
    assert pod.figure("ws_connections_active") == 0
    assert pod.figure("ws_connections_ended_total") == 0, "it never was one"


@slow
def test_probes_are_answered_on_the_port_of_the_clients_and_metrics_apart(fleet: Fleet) -> None:
    (pod,) = fleet.pods
    assert pod.get("port", "/healthz")[0] == pod.get("port", "/readyz")[0] == 200
    assert pod.get("port", "/metrics")[0] == 400, "no handshake"
    status, text = pod.get("metrics", "/metrics")
    assert status == 200
    for name in (
        *("ws_connections_active", "ws_connection_capacity", "ws_messages_received_total", "ws_messages_sent_total"),
        *("ws_send_buffer_bytes", "ws_event_loop_lag_seconds", "ws_drains_total"),
    ):
        assert any(line.startswith(f"{name} ") for line in text.splitlines()), name
    assert pod.get("admin", "/drain")[0] == 501, "POST alone"
    assert pod.get("admin", "/other", "POST")[0] == 404


@slow
def test_messages_are_counted(pods: Pods) -> None:
    pod = pods()
    with connect(pod.url) as client:
        for text in ("a", '{"action":"ping"}', '{"action":"session"}'):
            client.send(text)
            client.recv(PATIENCE)
    assert pod.figure("ws_messages_received_total") == pod.figure("ws_messages_sent_total") == 3
    text = pod.get("metrics", "/metrics")[1]
    for route in ("$default", "ping", "session", "$connect"):
        assert f'ws_route_seconds_count{{route="{route}"}} 1.0' in text


# --- without a socket -------------------------------------------------------------------------------------------------


class Hub:
    """As much of one as handshakes ask."""

    limits = Limits()

    def __init__(self) -> None:
        self.metrics = SocketMetrics(1)
        self.principals: list[str | None] = []

    def new_connection(self, principal: str | None) -> Any:
        self.principals.append(principal)
        return principal


def request(path: str, **headers: str) -> WSUpgradeRequest:
    made = WSUpgradeRequest()
    made.method, made.path, made.version = b"GET", path.encode(), b"HTTP/1.1"
    made.headers = CIMultiDict(headers)
    return made


def test_a_token_check_names_the_client_or_refuses_it() -> None:
    hub: Any = Hub()

    def check(path: str, headers: Mapping[str, str]) -> str:
        if headers.get("authorization") != "good":
            raise PermissionError
        return f"ann on {path}"

    shake = Handshakes(hub, check)
    assert isinstance(shake(request("/chat", Authorization="good")), Socket)
    assert hub.principals == ["ann on /chat"]
    refused: Any = shake(request("/chat"))
    assert refused.response.status == 401
    assert hub.metrics.refused == {"token": 1}
    assert hub.principals == ["ann on /chat"]
