"""The checklist of pods that hold sockets: what would drop clients is refused before anything is deployed."""

from __future__ import annotations

import pytest

from infra import socket_settings
from infra.checks import SettingsError
from infra.settings import Settings
from pods.listening import BACKLOG
from pods.sockets.limits import HANDSHAKES, OTHERS


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"sockets_per_replica": 8000}, "sockets_capacity: 8000 is less than 8001: pods would be full before"),
        ({"sockets_capacity": 6000}, "sockets_capacity: 6000 is less than 6001: pods would be full before"),
        ({"sockets_descriptors": 10_175}, "sockets_descriptors: 10175 is less than 10176: a pod opens"),
        ({"sockets_memory_mb": 340}, "sockets_memory_mb: 340 is less than 341: 8000 sockets of 13926 bytes, times 2"),
        (
            {"sockets_balancer": "tcp", "sockets_memory_mb": 746},
            "sockets_memory_mb: 746 is less than 747: 8000 sockets of 40550 bytes, times 2",
        ),
        ({"sockets_capacity": 60_000}, "sockets_memory_mb: 1024 is less than 1722: 60000 sockets of 13926 bytes"),
        ({"sockets_grace_seconds": 209}, "sockets_grace_seconds: 209 is less than 210: sockets_prestop_seconds (120)"),
        ({"sockets_drain_seconds": 91}, "sockets_grace_seconds: 240 is less than 241: sockets_prestop_seconds (120)"),
        ({"sockets_window_seconds": 299}, "sockets_window_seconds: 299 is not between 300 and 3600"),
        ({"sockets_min_replicas": 1}, "sockets_min_replicas: 1 is not between 2 and 1000"),
        ({"sockets_max_replicas": 2}, "sockets_max_replicas: 2 is not between 3 and 1000"),
        ({"sockets_ping_seconds": 150}, "sockets_idle_seconds: 150 is less than 151: clients would be cut before"),
        ({"sockets_idle_seconds": 350}, "sockets_idle_seconds: 350 is not less than 350: the balancer would drop"),
        ({"sockets_grace_seconds": 3601}, "sockets_grace_seconds: 3601 is not between 1 and 3600"),
        ({"sockets_triggers": "cpu"}, "sockets_triggers: unknown trigger 'cpu'; known: messages, backlog, capacity"),
        ({"sockets_origins": "example.com"}, "sockets_origins: 'example.com' is not an origin such as https://"),
        ({"sockets_balancer": "clb"}, "sockets_balancer: 'clb' is not one of nlb, tcp, alb"),
        (
            {"certificate_arn": "arn:aws:iam::1:x"},
            "certificate_arn: 'arn:aws:iam::1:x' is not the ARN of a",
        ),
        ({"prometheus_version": "latest"}, "prometheus_version: 'latest' is not a version such as"),
    ],
)
def test_what_would_drop_clients_is_one_line(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_context(options)
    assert str(raised.value).startswith(complaint)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {"sockets_capacity": 6001},
        {"sockets_descriptors": 10_176},
        {"sockets_memory_mb": 341},
        {"sockets_grace_seconds": 210},
        {"sockets_window_seconds": 300},
        {"sockets_min_replicas": 2},
        {"sockets_idle_seconds": 349},
        {"sockets_origins": "https://example.com,http://localhost:3000"},
        {"certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/0a-1b"},
    ],
)
def test_what_just_holds_is_taken(options: dict[str, object]) -> None:
    assert Settings.from_context(options) != Settings()


def test_descriptors_are_those_that_a_pod_counts() -> None:
    assert socket_settings.OTHER_DESCRIPTORS == HANDSHAKES + BACKLOG + OTHERS
