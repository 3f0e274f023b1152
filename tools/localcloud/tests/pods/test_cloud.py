"""Pods behind a gateway: the whole of `localcloud` with the tests' own pods."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from websockets.sync.client import connect

from localcloud.testing import alive, children, eventually, running

from . import samples

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.testing import Running

pytestmark = pytest.mark.slow


SCALE = 60  # a minute of the cloud's clock is a second


def ask(client: Any, text: str) -> str:
    client.send(text)
    return str(client.recv(timeout=60))


def described(folder: Path) -> dict[str, Any]:
    """The fleet as the ready file has it now."""
    (fleet,) = json.loads((folder / "ready.json").read_text())["fleets"]
    return dict(fleet)


def ready_pods(folder: Path) -> list[dict[str, Any]]:
    return [pod for pod in described(folder)["pods"] if pod["ready"]]


def eks(folder: Path, *options: str, **pod: Any) -> Any:
    assembly = samples.write(samples.eks(**pod), folder / "out")
    return running(folder, "--assembly", str(assembly), "--backends", "eks", *options)


def test_messages_reach_pods_and_come_back(tmp_path: Path) -> None:
    with eks(tmp_path, replicas=2) as cloud, connect(cloud.url) as client:
        assert [api["name"] for api in cloud.ready["apis"]] == ["eks"]
        eventually(lambda: len(ready_pods(tmp_path)) == 2, "both ready")
        names = {pod["name"] for pod in ready_pods(tmp_path)}
        heard = {ask(client, "hi") for _ in range(60)}
        assert heard == {f"hi by {name}" for name in names}
        for pod in ready_pods(tmp_path):
            assert cloud.printed(f"[eks/{pod['name']}] serves on {pod['address']}")
        assert max(map(len, cloud.lines)) <= 80


def test_a_killed_pod_costs_the_message_it_had_which_gets_an_error_frame(tmp_path: Path) -> None:
    with eks(tmp_path) as cloud, connect(cloud.url) as client:
        (pod,) = ready_pods(tmp_path)
        client.send("slow 600")
        eventually(lambda: established(pod["address"]), "the request is with the pod")
        os.kill(pod["pid"], signal.SIGKILL)
        assert json.loads(client.recv(timeout=60))["message"] == "Internal server error"
        eventually(lambda: [one for one in ready_pods(tmp_path) if one["restarts"] == 1], "it is back")
        eventually(lambda: ask(client, "hello") == f"hello by {pod['name']}", "an answer")


def established(address: str) -> bool:
    """Whether somebody has a connection to a pod's port, other than for a moment. Linux only."""
    quads = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    with open("/proc/net/tcp") as table:  # noqa: PTH123 - it is no file
        return any(f" {quads}:{samples.PORT:04X} " in line and line.split()[3] == "01" for line in table)


def put(cloud: Running, metric: str, dimensions: dict[str, str], values: dict[int, float]) -> None:
    """Give a metric values, by the minute from now on the cloud's clock."""
    clock = cloud.ready["clock"]
    now = clock["started"] + (time.time() - clock["started"]) * clock["scale"]
    cloudwatch = boto3.client(
        "cloudwatch",
        endpoint_url=cloud.aws,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    data = [
        {
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Timestamp": (now // 60 + minute) * 60,
            "Value": value,
        }
        for minute, value in values.items()
    ]
    cloudwatch.put_metric_data(Namespace="Chat", MetricData=data)


def test_the_fleet_follows_the_metrics_of_its_scaled_object(tmp_path: Path) -> None:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    scaled = samples.scaled_object(advanced={"horizontalPodAutoscalerConfig": {"behavior": behavior}})
    assembly = samples.write(samples.eks(None, scaled), tmp_path / "out")
    options = ("--assembly", str(assembly), "--backends", "eks", "--time-scale", str(SCALE))
    with running(tmp_path, *options) as cloud:
        values = {minute: 350.0 if minute < 10 else 50.0 for minute in range(-3, 120)}
        put(cloud, "ActiveConnections", {"service": "chat", "backend": "eks"}, values)
        cloud.printed("[eks] 1 -> 4 pods: ActiveConnections 350/100")
        eventually(lambda: len(ready_pods(tmp_path)) == 4, "four ready")
        cloud.printed("[eks] 4 -> 1 pod: ActiveConnections 50/100")
        eventually(lambda: len(described(tmp_path)["pods"]) == 1, "one left")


def test_tasks_follow_the_metric_math_of_their_policy(tmp_path: Path) -> None:
    """Divided by the tasks that run, which the cloud counts as Container Insights does."""
    builder = samples.ecs()
    samples.tracking(builder, ScaleOutCooldown=60)
    assembly = samples.write(builder, tmp_path / "out", "ChatEcs")
    options = ("--assembly", str(assembly), "--backends", "ecs", "--time-scale", str(SCALE))
    with running(tmp_path, *options) as cloud:
        put(cloud, "ActiveConnections", {"service": "chat", "backend": "ecs"}, dict.fromkeys(range(-3, 120), 300.0))
        cloud.printed("[ecs] 1 -> 3 tasks: ActiveConnections 300/100")
        eventually(lambda: len(ready_pods(tmp_path)) == 3, "three ready")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_running_however_it_ends(tmp_path: Path, number: int) -> None:
    hook = {"preStop": {"sleep": {"seconds": 500}}}
    builder = samples.eks(samples.container(lifecycle=hook), replicas=2, grace=600)
    assembly = samples.write(builder, tmp_path / "out")
    with running(tmp_path, "--assembly", str(assembly), "--backends", "eks") as cloud, connect(cloud.url) as client:
        left_behind = int(ask(client, "spawn"))
        started = sorted({left_behind, *children(cloud.process.pid)})
        assert len(alive(started)) >= 3
        cloud.process.send_signal(number)
        cloud.process.wait(60)
        eventually(lambda: not alive(started), "the end of all of them")
