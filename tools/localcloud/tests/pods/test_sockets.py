"""What a stack without an API says about its pods, and what runs of it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from autoscaling.keda import MetricError
from localcloud import assembly, plans
from localcloud.errors import LocalError
from localcloud.pods import definitions
from localcloud.pods.autoscaler import KedaLoop
from localcloud.pods.model import OnCpu, PrometheusQuery, TcpSocket, Triggered
from localcloud.pods.monitors import Scrape
from localcloud.pods.pods import scaled
from localcloud.pods.settings import PodSettings

from . import samples, sockets
from .running import post, scene

if TYPE_CHECKING:
    from pathlib import Path

    from autoscaling.keda import Reading
    from localcloud.pods.model import FleetSpec

    from ..assemblies import Builder

STACK = "ChatSockets"


def fleets(builder: Builder, folder: Path) -> tuple[FleetSpec, ...]:
    return definitions.read(assembly.read(samples.write(builder, folder, STACK))[STACK], "sockets").fleets


def test_the_deployment_behind_the_balancer_is_the_variants_and_others_help(tmp_path: Path) -> None:
    gateway, bus, helper = fleets(sockets.stack(), tmp_path)
    assert [fleet.name for fleet in (gateway, bus, helper)] == ["sockets", sockets.BUS, sockets.HELPER]
    assert [fleet.namespace for fleet in (gateway, bus, helper)] == ["realtime"] * 3
    assert ([len(fleet.bindings) for fleet in (gateway, bus, helper)], bus.services) == ([1, 0, 0], (sockets.BUS,))
    assert (gateway.pod.cpu_request, gateway.labels) == (500, {"app": "ws-gateway"})
    assert [fleet.pod.asks_cluster for fleet in (gateway, bus, helper)] == [False, False, True]
    assert isinstance(gateway.autoscaler, Triggered)
    ((trigger, query, _),) = gateway.autoscaler.triggers
    assert query == PrometheusQuery("connections", sockets.QUERY)
    assert (trigger.target, trigger.ignore_null_values, gateway.autoscaler.bounds) == (15, False, (2, 4))


def test_a_monitor_says_where_metrics_are_and_which_labels_they_get(tmp_path: Path) -> None:
    labels = {"namespace": "realtime", "service": "ws-gateway", "endpoint": "metrics", "app": "ws-gateway"}
    (gateway, *_) = fleets(sockets.stack(), tmp_path / "a")
    assert gateway.scrapes == (Scrape("ws-gateway", 9090, "/metrics", 15, labels),)
    for interval, seconds in (("1m30s", 90), ("500ms", 0.5), (None, 30)):
        monitor = sockets.monitor(interval=interval)
        (gateway, *_) = fleets(sockets.stack(monitor=monitor), tmp_path / str(seconds))
        assert gateway.scrapes[0].interval == seconds
    other = sockets.monitor()
    other["spec"]["selector"]["matchLabels"] = {"app": "another"}
    assert fleets(sockets.stack(monitor=other), tmp_path / "other")[0].scrapes == ()


def test_a_redis_is_this_machines_own_or_the_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("redis-server", "valkey-server"):
        here = {program: f"/usr/bin/{program}"}
        monkeypatch.setattr(shutil, "which", here.get)
        bus = fleets(sockets.stack(), tmp_path / program)[1].pod
        assert (bus.program, bus.command[:4]) == (f"/usr/bin/{program}", ("--port", "6379", "--save", ""))
        assert bus.command[6:8] == ("--bind", "127.0.0.1")
        assert bus.liveness is not None
        assert bus.liveness.action == TcpSocket(6379), "its client may not be there"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    bus = fleets(sockets.stack(), tmp_path / "broker")[1].pod
    assert (bus.program, bus.command) == (sys.executable, ("-P", "-m", "localcloud.pods.broker"))
    assert dict(bus.environment)["PORT"] == "6379"


@pytest.mark.parametrize("protocol", ["TLS", "TCP", "HTTPS", "HTTP"])
def test_clients_find_tls_ended_at_the_port_here(tmp_path: Path, protocol: str) -> None:
    folder = samples.write(sockets.stack(protocol, bus=None), tmp_path, STACK)
    (plan,) = plans.of_assembly(folder, ["sockets"])
    assert (plan.api, plan.offset) == (None, 3)
    assert plan.entry == plan.pods.groups[0].arn
    assert plans.variants(folder) == ["sockets"]


APPLICATION = f"{STACK}.Application, "


@pytest.mark.parametrize(
    ("replaced", "text"),
    [
        ({"binding": None}, f"{APPLICATION}Deployment ws-bus: a variant has one Deployment here, or a load balancer"),
        (
            {"bus": sockets.bus(command=["valkey-server", "/etc/valkey.conf"])},
            f"{APPLICATION}Deployment ws-bus: its conf",
        ),
        (
            {"monitor": sockets.monitor(scheme="https")},
            f"{APPLICATION}ServiceMonitor ws-gateway: metrics are asked for by",
        ),
        (
            {"monitor": sockets.monitor(port="no")},
            f"{APPLICATION}ServiceMonitor ws-gateway: the Service ws-gateway has no",
        ),
        (
            {"monitor": sockets.monitor(interval="1d")},
            f"{APPLICATION}ServiceMonitor ws-gateway: an interval is minutes",
        ),
        (
            {"monitor": sockets.monitor(relabelings=[{}])},
            f"{APPLICATION}ServiceMonitor ws-gateway: an endpoint's relabelings is not understood here",
        ),
        (
            {"scaled": sockets.scaled_object(sockets.trigger(serverAddress="prometheus:9090"))},
            f"{APPLICATION}ScaledObject ws-gateway-scaler: serverAddress is the http URL of a Prometheus",
        ),
        (
            {"scaled": sockets.scaled_object(sockets.trigger(customHeaders="a=b"))},
            f"{APPLICATION}ScaledObject ws-gateway-scaler: a prometheus trigger has no customHeaders here",
        ),
        (
            {"more": sockets.scaled_object()},
            f"{APPLICATION}ScaledObject ws-gateway-scaler: the Deployment ws-gateway has",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_run_is_one_line_that_names_it(tmp_path: Path, replaced: dict[str, Any], text: str) -> None:
    with pytest.raises(LocalError) as error:
        fleets(sockets.stack(**replaced), tmp_path)
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


def test_a_stack_without_an_api_or_pods_behind_a_balancer_is_one_line(tmp_path: Path) -> None:
    builder = sockets.stack()
    builder.resources.clear()
    folder = samples.write(builder, tmp_path, STACK)
    with pytest.raises(LocalError, match=r"^ChatSockets should have one WebSocket API, or a load balancer in front"):
        plans.of_assembly(folder, ["sockets"])


def test_a_pod_knows_where_services_are_and_its_own_account_if_it_has_one(tmp_path: Path) -> None:
    async def test() -> None:
        # The tests' own server stands for the bus, too: what is asked of it does not matter here.
        bus = sockets.deployment(sockets.BUS, samples.container())
        builder = sockets.stack(bus=bus, scaled=None)
        async with scene(builder, tmp_path, stack=STACK, variant="sockets") as cloud:
            gateway, bus_fleet, helper = cloud.pods._fleets
            await cloud.until(lambda: all(fleet.ready for fleet in cloud.pods._fleets), "ready")
            (address,) = (pod.address for pod in bus_fleet.pods)
            known = json.loads(await post(gateway.pods[0].address, "environment"))
            assert known["BUS_URL"] == f"redis://{address}:6379"
            assert known["FULL_URL"] == f"redis://user:secret@{address}:6379/0"
            assert known["SELECTOR"] == f"app={sockets.BUS}"
            assert "KUBERNETES_URL" not in known
            known = json.loads(await post(helper.pods[0].address, "environment"))
            assert known["KUBERNETES_URL"].startswith("http://127.0.0.1:")
            assert cloud.pods.counts() == [("sockets", "1 of 1 pod ready")]

    uvloop.run(test())


# The autoscaler.


class Told:
    """Answers every query the same."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    async def read(self, query: object, now: float) -> Reading:  # noqa: ARG002
        return self.reading

    def close(self) -> None:
        """Nothing is open."""


def outage(folder: Path, reading: Reading, **trigger: str) -> int:
    """The fewest pods that there are in an hour in which Prometheus answers so, beginning with four that are full."""
    (gateway, *_) = fleets(sockets.stack(scaled=sockets.scaled_object(sockets.trigger(**trigger))), folder)
    assert isinstance(gateway.autoscaler, Triggered)
    loop, told = KedaLoop(gateway.autoscaler, 0), Told(60.0)
    replicas = fewest = 4
    while loop.due < 3600:
        told.reading = 60.0 if loop.due < 300 else reading
        replicas, _ = asyncio.run(loop.step(loop.due, replicas, replicas, told.read))
        fewest = min(fewest, replicas)
    assert (loop.trouble is None) is ("ignoreNullValues" in trigger)
    return fewest


@pytest.mark.parametrize("reading", [MetricError("refused"), None], ids=["down", "empty"])
def test_an_outage_of_prometheus_sheds_no_pod(tmp_path: Path, reading: Reading) -> None:
    assert outage(tmp_path, reading) == 4


def test_it_would_if_no_data_were_taken_for_nobody(tmp_path: Path) -> None:
    assert outage(tmp_path, None, ignoreNullValues="true") == 2


def test_a_fleet_can_be_scaled_on_cpu_instead(tmp_path: Path) -> None:
    (gateway, bus, _) = fleets(sockets.stack(), tmp_path / "a")
    on_cpu = scaled(gateway, PodSettings(cpu_percent=70)).autoscaler
    assert on_cpu == OnCpu(70, (2, 4))
    assert scaled(gateway, PodSettings()) == gateway
    assert scaled(bus, PodSettings(cpu_percent=70)) == bus
    bare = sockets.gateway()
    del bare["spec"]["template"]["spec"]["containers"][0]["resources"]
    (gateway, *_) = fleets(sockets.stack(gateway=bare), tmp_path / "b")
    with pytest.raises(LocalError, match=r"Deployment ws-gateway: cpu_percent needs a request of CPU"):
        scaled(gateway, PodSettings(cpu_percent=70))


BURN = """
import os, threading
def burn():
    while True:
        pass
if "BURN" in os.environ:
    threading.Thread(target=burn, daemon=True).start()
"""


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "idle"])
def test_an_autoscaler_on_cpu_sees_what_processes_use(
    tmp_path: Path, busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "SERVER", BURN + samples.SERVER)
    one = sockets.gateway()
    container = one["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "50m" if busy else "2"}}
    if busy:
        container["env"].append({"name": "BURN", "value": "1"})
    scaled_object = sockets.scaled_object(minReplicaCount=1, maxReplicaCount=2)

    async def test() -> None:
        builder = sockets.stack(gateway=one, bus=None, helper=None, scaled=scaled_object)
        async with scene(builder, tmp_path, scale=60, stack=STACK, variant="sockets", cpu_percent=70) as cloud:
            (autoscaling,) = (asyncio.ensure_future(one) for one in cloud.pods.autoscaling("http://127.0.0.1:1", "x"))
            if busy:
                line = await cloud.said("1 -> 2 pods: CPU % ")
                assert int(line.rpartition(" ")[2].partition("/")[0]) > 70
            else:
                await asyncio.sleep(8 * 15 / 60)  # as many looks
                assert cloud.fleet.wanted == 1
            autoscaling.cancel()

    uvloop.run(test())


def test_without_a_prometheus_the_pods_are_asked_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    scaled_object = sockets.scaled_object(advanced={"horizontalPodAutoscalerConfig": {"behavior": behavior}})
    builder = sockets.stack(bus=None, helper=None, scaled=scaled_object, monitor=sockets.monitor(port="ws"))

    async def test() -> None:
        async with scene(builder, tmp_path, scale=60, stack=STACK, variant="sockets") as cloud:
            (autoscaling,) = (asyncio.ensure_future(one) for one in cloud.pods.autoscaling("http://127.0.0.1:1", "x"))
            first, second = (await cloud.ready(2)).pods
            await post(first.address, "active 20")
            await post(second.address, "active 19")
            await cloud.said("[sockets] 2 -> 3 pods: connections 39/15")
            await cloud.ready(3)
            await post(second.address, "active 1")
            await cloud.said("[sockets] 3 -> 2 pods: connections 21/15")
            assert cloud.pods.prometheus_url is None
            autoscaling.cancel()

    uvloop.run(test())


def test_without_a_prometheus_a_query_that_is_not_understood_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    query = "sum(ws_connections_active) by (pod)"
    builder = sockets.stack(bus=None, helper=None, scaled=sockets.scaled_object(sockets.trigger(query)))

    async def test() -> None:
        async with scene(builder, tmp_path, stack=STACK, variant="sockets"):
            pass

    with pytest.raises(LocalError, match="is not understood without a Prometheus"):
        uvloop.run(test())
