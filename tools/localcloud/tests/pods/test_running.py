"""Real pods: small HTTP servers in processes of their own, each on an address of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from localcloud.pods import addresses
from localcloud.testing import alive

from . import samples
from .running import Scene, listens, post, scene

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

pytestmark = pytest.mark.slow


def run(test: Coroutine[Any, Any, None]) -> None:
    uvloop.run(test)


def variables(**more: str) -> list[dict[str, Any]]:
    return [*samples.container()["env"], *({"name": name, "value": value} for name, value in more.items())]


def names(scene: Scene) -> set[str]:
    return {pod.name for pod in scene.fleet.pods if not pod.terminating}


def test_each_replica_has_an_address_of_its_own_and_the_ports_of_its_manifest(tmp_path: Path) -> None:
    async def test() -> None:
        async with scene(samples.eks(replicas=3), tmp_path) as cloud:
            fleet = await cloud.ready(3)
            assert len({pod.address for pod in fleet.pods}) == 3
            for pod in fleet.pods:
                assert await post(pod.address, "hello") == f"hello by {pod.name}"

    run(test())


def test_a_container_knows_what_its_manifest_says_and_nothing_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a secret")
    one = samples.container(env=variables(URL="http://$(POD_IP):$(PORT)/"))

    async def test() -> None:
        async with scene(samples.eks(one), tmp_path) as cloud:
            (pod,) = (await cloud.ready(1)).pods
            found = json.loads(await post(pod.address, "environment"))
        assert found["URL"] == f"http://{pod.address}:8080/"
        assert "AWS_PROFILE" not in found

    run(test())


def test_a_task_of_ecs_listens_on_its_own_address_alone(tmp_path: Path) -> None:
    async def test() -> None:
        builder = samples.ecs(tasks=2)
        async with scene(builder, tmp_path) as cloud:
            fleet = await cloud.ready(2)
            for pod in fleet.pods:
                await listens(pod.address)
            assert {await post(pod.address, "hello") for pod in fleet.pods} == {"hello by task"}
            with pytest.raises(ConnectionRefusedError):
                await post("127.255.255.254", "hello")

    run(test())


def test_a_taken_port_or_address_means_the_next_address() -> None:
    first = addresses.lease([])
    second = addresses.lease([])
    assert first.address != second.address
    taken = second.address
    second.close()
    with socket.create_server((taken, 0)) as server:
        port = server.getsockname()[1]
        third = addresses.lease([port])
        assert third.address not in {first.address, taken}
        third.close()
    first.close()


# Probes.


def test_a_pod_that_says_it_is_not_ready_gets_no_requests(tmp_path: Path) -> None:
    async def test() -> None:
        async with scene(samples.eks(replicas=2), tmp_path, straggler_seconds=0) as cloud:
            one, other = (await cloud.ready(2)).pods
            await cloud.until(
                lambda: {cloud.balancer(80) for _ in range(99)} == {(one.address, 8080), (other.address, 8080)}, "both"
            )
            await post(one.address, "unready")
            await cloud.ready(1)
            assert {cloud.balancer(80) for _ in range(99)} == {(other.address, 8080)}
            assert one.restarts == 0

    run(test())


def test_a_pod_that_is_sick_is_restarted_in_its_place(tmp_path: Path) -> None:
    async def test() -> None:
        async with scene(samples.eks(), tmp_path) as cloud:
            (pod,) = (await cloud.ready(1)).pods
            before = pod.pid
            await post(pod.address, "sick")
            await cloud.said("its liveness probe fails")
            await cloud.until(lambda: pod.restarts == 1 and pod.ready, "ready again")
            assert pod.pid != before
            assert await post(pod.address, "hello") == f"hello by {pod.name}"

    run(test())


def test_a_pod_that_does_not_start_in_time_is_restarted(tmp_path: Path) -> None:
    probe = samples.get("/healthz", periodSeconds=1, failureThreshold=1)
    one = samples.container(startupProbe=probe, env=variables(START_SECONDS="30"))

    async def test() -> None:
        builder = samples.kubernetes(samples.deployment(one), samples.service())
        async with scene(builder, tmp_path) as cloud:
            await cloud.said("its startup probe fails")
            (pod,) = cloud.fleet.pods
            await cloud.until(lambda: pod.restarts, "a restart")

    run(test())


def test_a_container_that_ends_by_itself_is_restarted_ever_more_slowly(tmp_path: Path) -> None:
    async def test() -> None:
        builder = samples.kubernetes(samples.deployment(samples.container(env=variables(FAIL="1"))), samples.service())
        async with scene(builder, tmp_path, scale=100) as cloud:
            for wait in ("it", "in 10 seconds", "in 20 seconds"):
                await cloud.said(f"exit status 5; restarting {wait}")
            assert cloud.fleet.ready == 0

    run(test())


def test_a_command_can_be_a_probe(tmp_path: Path) -> None:
    """It runs in the container's surroundings: with its variables, and its loopback interface."""
    code = "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz')"
    probe = {"exec": {"command": ["python", "-c", code]}, "periodSeconds": 1, "timeoutSeconds": 20}

    async def test() -> None:
        async with scene(samples.eks(samples.container(readinessProbe=probe)), tmp_path) as cloud:
            (pod,) = (await cloud.ready(1)).pods
            await post(pod.address, "unready")
            await cloud.said("not ready")

    run(test())


# Death.


def test_a_pod_that_is_killed_is_no_target_and_comes_back(tmp_path: Path) -> None:
    async def test() -> None:
        async with scene(samples.eks(replicas=2), tmp_path, straggler_seconds=0) as cloud:
            one, other = (await cloud.ready(2)).pods
            left_behind = int(await post(one.address, "spawn"))
            assert one.pid is not None
            os.kill(one.pid, signal.SIGKILL)
            await cloud.said(f"[eks/{one.name}] signal SIGKILL; restarting it")
            assert {cloud.balancer(80) for _ in range(99)} == {(other.address, 8080)}
            await cloud.until(lambda: not alive([left_behind]), "the end of what it had started")
            await cloud.ready(2)
            assert (one.restarts, await post(one.address, "hello")) == (1, f"hello by {one.name}")

    run(test())


# Fewer.


def test_the_youngest_goes_first_by_preStop_SIGTERM_and_its_end(tmp_path: Path) -> None:  # noqa: N802
    one = samples.container(lifecycle={"preStop": {"httpGet": {"path": "/stop", "port": "http"}}})

    async def test() -> None:
        async with scene(samples.eks(one), tmp_path) as cloud:
            (old,) = (await cloud.ready(1)).pods
            old.ready_since = (old.ready_since or 0) - 1000
            cloud.fleet.scale(2)
            await cloud.ready(2)
            (young,) = names(cloud) - {old.name}
            cloud.fleet.scale(1)
            assert names(cloud) == {old.name}
            await cloud.until(lambda: len(cloud.fleet.pods) == 1, "its end")
            mine = [line for line in cloud.lines if young in line and "serves" not in line]
            assert mine == [f"[eks/{young}] preStop", f"[eks/{young}] SIGTERM"]

    run(test())


def test_a_pod_that_is_to_end_gets_requests_during_its_preStop(tmp_path: Path) -> None:  # noqa: N802
    """It serves on while a balancer still sends it some: that is what the hook is for."""
    one = samples.container(lifecycle={"preStop": {"sleep": {"seconds": 60}}})

    async def test() -> None:
        async with scene(samples.eks(one, replicas=2, grace=90), tmp_path, scale=20, straggler_seconds=30) as cloud:
            fleet = await cloud.ready(2)
            both = {(pod.address, 8080) for pod in fleet.pods}
            await cloud.until(lambda: {cloud.balancer(80) for _ in range(99)} == both, "both healthy")
            began = time.monotonic()
            fleet.scale(1)
            assert {cloud.balancer(80) for _ in range(99)} == both
            ending = next(pod for pod in fleet.pods if pod.terminating)
            assert not ending.ready
            assert await post(ending.address, "late") == f"late by {ending.name}"
            left = both - {(ending.address, 8080)}
            await cloud.until(lambda: {cloud.balancer(80) for _ in range(99)} == left, "no more stragglers")
            assert await post(ending.address, "still") == f"still by {ending.name}"
            await cloud.until(lambda: len(fleet.pods) == 1, "its end")
            assert time.monotonic() - began >= 3, "60 seconds of a clock that runs 20 times as fast"

    run(test())


def test_who_ignores_SIGTERM_is_killed_when_the_grace_period_is_over(tmp_path: Path) -> None:  # noqa: N802
    one = samples.container(env=variables(ON_TERM="ignore"))

    async def test() -> None:
        async with scene(samples.eks(one, grace=3), tmp_path) as cloud:
            (pod,) = (await cloud.ready(1)).pods
            pid = pod.pid
            began = time.monotonic()
            cloud.fleet.scale(0)
            await cloud.said("SIGTERM")
            assert pid is not None
            assert alive([pid]) == [pid]
            await cloud.until(lambda: not cloud.fleet.pods, "its end")
            assert time.monotonic() - began >= 3
            assert alive([pid]) == []
            await cloud.said("still running at the end of its grace period: killed")

    run(test())


def test_more_are_added_while_others_end(tmp_path: Path) -> None:
    one = samples.container(lifecycle={"preStop": {"sleep": {"seconds": 30}}})

    async def test() -> None:
        async with scene(samples.eks(one, replicas=2, grace=40), tmp_path) as cloud:
            await cloud.ready(2)
            cloud.fleet.scale(1)
            cloud.fleet.scale(2)
            fleet = await cloud.ready(2)
            assert len(fleet.pods) == 3
            assert fleet.count() == "2 of 2 pods ready"

    run(test())


def test_the_end_of_everything_waits_for_nobody(tmp_path: Path) -> None:
    """Neither a grace period, nor a start, nor a back-off."""
    one = samples.container(env=variables(ON_TERM="ignore"), lifecycle={"preStop": {"sleep": {"seconds": 500}}})

    async def test() -> None:
        async with scene(samples.eks(one, replicas=2, grace=600), tmp_path) as cloud:
            await cloud.ready(2)
            pids = [pod.pid for pod in cloud.fleet.pods if pod.pid]
            cloud.fleet.scale(1)
            cloud.fleet.scale(2)
            await asyncio.sleep(0)
        assert alive(pids) == []
        assert cloud.fleet.pods == []

    run(test())
