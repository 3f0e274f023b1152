"""Which pod a scale-in takes: the controller against an API server and metrics of pods over real HTTP."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import signal
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backend.settings import SettingsError
from pods.scale_in.controller import (
    Controller,
    CostSettings,
    assumed,
    gauge,
    outdated,
    scale_in_is_near,
    serve_health,
)
from pods.scale_in.fetch import fetch
from pods.scale_in.kubernetes import MOST_COST, KubernetesError, Pod
from tests.pods.cluster import TOKEN, Api, Metrics, run
from tests.processes import Process, eventually, free_port


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def api(stack: ExitStack) -> Api:
    api = Api()
    run(api.server, stack)
    return api


@pytest.fixture
def fleet(api: Api, stack: ExitStack) -> Metrics:
    return Metrics(api, stack)


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "namespace").write_text("realtime")
    return tmp_path


@pytest.fixture
def controller(fleet: Metrics, account: Path) -> Callable[..., Controller]:
    """One that would have 100 connections on a pod, and 2 pods at least."""

    def make(**settings: Any) -> Controller:
        defaults = {"target_connections": 100, "min_replicas": 2, "pod_metrics_port": fleet.port}
        return Controller(CostSettings(fleet.api.url, account, **{**defaults, **settings}))

    return make


def look(controller: Controller) -> None:
    asyncio.run(controller.update())


def test_the_costs_are_the_sockets_when_fewer_pods_do(fleet: Metrics, controller: Callable[..., Controller]) -> None:
    for name, count in (("a", 90), ("b", 5), ("c", 60), ("d", 70), ("e", 0)):
        fleet.add(name, count)
    one = controller()
    look(one)
    assert fleet.api.patches == [("e", "0"), ("b", "5"), ("c", "60"), ("d", "70"), ("a", "90")]
    assert one.well
    look(one)  # nothing has changed
    assert len(fleet.api.patches) == 5
    fleet.counts |= {"c": 61, "d": 20}
    look(one)
    assert fleet.api.patches[5:] == [("d", "20")]


def test_nothing_is_written_while_every_pod_is_needed(fleet: Metrics, controller: Callable[..., Controller]) -> None:
    for name, count in (("a", 90), ("b", 5), ("c", 106)):
        fleet.add(name, count)
    look(controller())
    look(controller(target_connections=300, min_replicas=3))
    assert fleet.api.patches == []


def test_a_pod_that_does_not_tell_is_taken_for_a_full_one(
    fleet: Metrics, controller: Callable[..., Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pods.scale_in.controller._SCRAPE_SECONDS", 0.3)
    fleet.add("hangs", None)
    fleet.add("lies", "ws_connections_active many\n")
    fleet.add("full", 50)
    fleet.add("empty", 2)
    began = time.monotonic()
    look(controller())
    assert time.monotonic() - began < 10
    assert sorted(fleet.api.patches) == [("empty", "2"), ("full", "50"), ("hangs", "50"), ("lies", "50")]


def test_nothing_is_written_when_no_pod_tells(fleet: Metrics, controller: Callable[..., Controller]) -> None:
    for name in "abc":
        fleet.add(name, "ws_messages_sent_total 3\n")
    look(controller(min_replicas=1))
    assert fleet.api.patches == []


def test_pods_that_end_or_have_not_begun_are_left_alone(fleet: Metrics, controller: Callable[..., Controller]) -> None:
    fleet.add("pending", 0, phase="Pending")
    fleet.add("no-address", 0, podIP="")
    fleet.add("ending", 1)
    fleet.api.pods["ending"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for name in "abc":
        fleet.add(name, 10)
    look(controller())
    assert [name for name, _ in fleet.api.patches] == ["a", "b", "c"]


@pytest.mark.parametrize("status", [404, 409])
def test_a_pod_that_has_gone_holds_nobody_up(
    fleet: Metrics, controller: Callable[..., Controller], status: int
) -> None:
    for name, count in (("a", 1), ("b", 2), ("c", 3)):
        fleet.add(name, count)
    fleet.api.refuse["b"] = status
    one = controller()
    look(one)
    assert fleet.api.patches == [("a", "1"), ("c", "3")]
    assert one.well


@pytest.mark.parametrize(
    ("what", "status", "text"),
    [
        ("LIST", 403, "list pods: 403: .*Role with list and patch of pods in realtime"),
        ("b", 403, "patch pod b: 403: .*Role"),
        ("b", 429, "patch pod b: 429: no"),
        ("LIST", 500, "list pods: 500: no"),
    ],
)
def test_a_refusal_ends_the_look_and_names_what_to_do(
    fleet: Metrics, controller: Callable[..., Controller], what: str, status: int, text: str
) -> None:
    for name, count in (("a", 1), ("b", 2), ("c", 3)):
        fleet.add(name, count)
    fleet.api.refuse[what] = status
    with pytest.raises(KubernetesError, match=text):
        look(controller())
    assert ("c", "3") not in fleet.api.patches


def test_the_token_is_read_anew(fleet: Metrics, controller: Callable[..., Controller], account: Path) -> None:
    for name in "abc":
        fleet.add(name, 1)
    one = controller()
    look(one)
    fleet.api.token = "another"
    with pytest.raises(KubernetesError, match="401: the service account's token is not accepted"):
        look(one)
    (account / "token").write_text("another")
    look(one)
    (account / "token").unlink()
    with pytest.raises(KubernetesError, match="cannot be read"):
        look(one)


def test_an_api_that_is_away_is_one_clear_error(account: Path) -> None:
    with pytest.raises(KubernetesError, match=r"list pods: 127.0.0.1:.* cannot be reached"):
        look(Controller(CostSettings(f"http://127.0.0.1:{free_port()}", account)))


def test_the_api_is_known_by_its_certificate(account: Path, fleet: Metrics, stack: ExitStack) -> None:
    for name in "abc":
        fleet.add(name, 1)
    api = Api()
    api.pods = fleet.api.pods
    key, certificate = issued(account)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    api.server.socket = context.wrap_socket(api.server.socket, server_side=True)
    run(api.server, stack)
    url = f"https://127.0.0.1:{api.server.server_port}"
    one = Controller(CostSettings(url, account, pod_metrics_port=fleet.port, min_replicas=1))
    look(one)
    assert len(api.patches) == 3
    issued(account)  # an authority that has not signed it
    with pytest.raises(KubernetesError, match="certificate verify failed"):
        look(one)


def issued(folder: Path) -> tuple[Path, Path]:
    """The key and certificate of 127.0.0.1, which is its own authority: `ca.crt`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate").write_bytes((folder / "ca.crt").read_bytes())
    return folder / "key", folder / "certificate"


def test_the_process_says_how_it_is_and_ends_with_sigterm(fleet: Metrics, account: Path, stack: ExitStack) -> None:
    for name, count in (("a", 1), ("b", 2), ("c", 3)):
        fleet.add(name, count)
    environment = {
        "KUBERNETES_URL": fleet.api.url,
        "SERVICE_ACCOUNT_FOLDER": str(account),
        "POD_METRICS_PORT": str(fleet.port),
        "MIN_REPLICAS": "1",
        "INTERVAL_SECONDS": "1",
        "PORT": "0",
    }
    process = Process(sys.executable, "-m", "pods.scale_in", environment=environment)
    stack.callback(process.stop)
    listening = process.said("listening")
    url = f"http://127.0.0.1:{listening['port']}"
    eventually(lambda: status(f"{url}/readyz") == 200, "ready")
    assert fleet.api.patches == [("a", "1"), ("b", "2"), ("c", "3")]
    fleet.api.refuse["LIST"] = 403
    eventually(lambda: status(f"{url}/readyz") == 503, "not ready")
    assert status(f"{url}/healthz") == 200
    assert status(f"{url}/") == 404
    assert any("list and patch of pods in realtime" in line for line in process.lines)
    assert process.stop(signal.SIGTERM) == 0
    assert not any(TOKEN in line or "Traceback" in line for line in process.lines)


def test_a_controller_that_looks_no_more_is_neither_alive_nor_ready(controller: Callable[..., Controller]) -> None:
    one = controller()
    one.well = True
    url = f"http://127.0.0.1:{serve_health(one, '127.0.0.1', 0)}"
    assert (status(f"{url}/healthz"), status(f"{url}/readyz")) == (200, 200)
    one.updated_at -= 3 * CostSettings.interval_seconds + 60
    assert (status(f"{url}/healthz"), status(f"{url}/readyz")) == (503, 503)


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({}, "KUBERNETES_URL is not set"),
        ({"KUBERNETES_URL": "http://10.0.0.1"}, "must be an https:// URL"),
        ({"KUBERNETES_URL": "https://a:b@c"}, "must be an https:// URL"),
        ({"KUBERNETES_URL": "https://[::1"}, "must be an https:// URL"),
        ({"KUBERNETES_URL": "https://a:99999"}, "must be an https:// URL"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "INTERVAL_SECONDS": "0"}, "INTERVAL_SECONDS is '0'"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "CHANGE_PERCENT": "101"}, "CHANGE_PERCENT is '101'"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_SELECTOR": "a\r\nb"}, "POD_SELECTOR is"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(environment: dict[str, str], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        CostSettings.from_environment(environment)


def test_in_a_cluster_the_api_is_where_kubernetes_says() -> None:
    settings = CostSettings.from_environment({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"})
    assert settings.kubernetes_url == "https://[fd00::1]:6443"


def pod(name: str, cost: int | None = None) -> Pod:
    return Pod(name, name, "127.0.0.1", cost)


def test_a_scale_in_is_near_when_the_autoscalers_own_sum_says_so() -> None:
    assert scale_in_is_near([6000, 5999, 0], 6000, 2)
    assert not scale_in_is_near([6000, 6000, 1], 6000, 2)
    assert not scale_in_is_near([0, 0, 0], 6000, 3)
    assert not scale_in_is_near([], 6000, 3)


def test_costs_that_are_nearly_right_are_left() -> None:
    sockets = {pod("a", 95): 100, pod("b", 111): 100, pod("c"): 100}
    assert [(one.name, cost) for one, cost in outdated(sockets, 10)] == [("b", 100), ("c", 100)]
    assert outdated({}, 10) == []
    assert outdated({pod("a"): MOST_COST + 5}, 10) == [(pod("a"), MOST_COST)]
    assert assumed([pod("a"), pod("b")], {"a": 7}) == {pod("a"): 7, pod("b"): 7}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ws_connections_active 12.0\n", 12),
        ('ws_connections_active{a="}"} 2\nws_connections_active{a="b"} 3\nws_connections_active_more 9\n', 5),
        ("other 1\n", None),
        ("ws_connections_active NaN\n", None),
        ("ws_connections_active +Inf\n", None),
        ("ws_connections_active -1\n", None),
        ("<html>", None),
        ("", None),
    ],
)
def test_the_gauge_is_read_or_it_is_not(text: str, value: int | None) -> None:
    assert gauge(text.encode()) == value


def status(url: str) -> int:
    return asyncio.run(fetch("GET", url)).status
