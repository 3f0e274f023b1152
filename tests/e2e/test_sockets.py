"""The variant whose pods hold the sockets, as it is deployed: scaled on connections, the emptiest pod first to go."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.request
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from localcloud.pods import prometheus
from localcloud.testing import Running, children, running
from tests.e2e.fleets import connected, figure, pods, ready
from tests.synthesized import synthesized_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection

pytestmark = pytest.mark.slow

CAPACITY, TARGET = 20, 15
# A minute of the cloud's clock is a second: the window of 300 seconds takes five.
SCALE = 60
SIZES = {
    "sockets_min_replicas": 2,
    "sockets_max_replicas": 4,
    "sockets_capacity": CAPACITY,
    "sockets_per_replica": TARGET,
    "sockets_prestop_seconds": 0,
    "sockets_drain_seconds": 1,
    "sockets_window_seconds": 300,
}


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesized_once(tmp_path_factory, backends="sockets", **SIZES)


@pytest.fixture
def scaled(assembly: Path) -> dict[str, Any]:
    """The ScaledObject, as it is in the template."""
    template = json.loads((assembly / "DuplexSockets.template.json").read_text())
    for resource in template["Resources"].values():
        if isinstance(text := resource["Properties"].get("Manifest"), str):
            for manifest in json.loads(text):
                if manifest["kind"] == "ScaledObject":
                    return dict(manifest["spec"])
    raise AssertionError


@pytest.fixture
def fast(assembly: Path, tmp_path: Path) -> Path:
    """The same, with a controller of deletion costs that looks as often as the clock is fast."""
    folder = tmp_path / "assembly"
    folder.mkdir()
    for file in assembly.iterdir():
        if file.name == "DuplexSockets.template.json":
            before = r"{\"name\":\"POD_METRICS_PORT\""
            text = file.read_text()
            assert text.count(before) == 1
            after = r"{\"name\":\"INTERVAL_SECONDS\",\"value\":\"1\"}," + before
            (folder / file.name).write_text(text.replace(before, after))
        else:
            (folder / file.name).symlink_to(file)
    return folder


@contextmanager
def fleet(assembly: Path, folder: Path, *options: str) -> Iterator[Running]:
    """Two pods that hear one another."""
    arguments = ("--assembly", str(assembly), "--backends", "sockets", "--time-scale", str(SCALE), *options)
    with running(folder, *arguments) as cloud:
        connected(folder, 2)
        yield cloud


class Crowd:
    """Clients that only hold on to their sockets."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self.refused = self.reset = 0

    async def __aenter__(self) -> Crowd:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def one(self, url: str) -> ClientConnection | None:
        """One more; None when it is refused, or meets a pod that has just gone."""
        try:
            return await self._stack.enter_async_context(connect(url, open_timeout=60, proxy=None))
        except InvalidStatus as refusal:
            if refusal.response.status_code != 503 or "Retry-After" not in refusal.response.headers:
                raise
            self.refused += 1
        except (ConnectionResetError, InvalidMessage):
            self.reset += 1
        return None

    async def some(self, url: str, count: int) -> list[ClientConnection]:
        """So many more, who ask again until there is room."""
        found: list[ClientConnection] = []
        end = time.monotonic() + 100
        while len(found) < count:
            assert time.monotonic() < end, f"{len(found)} of {count} are in, and {self.refused} were refused"
            if (client := await self.one(url)) is not None:
                found.append(client)
            else:
                await asyncio.sleep(0.1)
        return found


async def until(condition: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + 100
    while not (value := await asyncio.to_thread(condition)):
        assert time.monotonic() < end, f"never: {what}"
        await asyncio.sleep(0.05)
    return value


def wanted(folder: Path) -> int:
    return int(json.loads((folder / "ready.json").read_text())["fleets"][0]["wanted"])


def evaluated(cloud: Running, query: str) -> float | None:
    """What the cloud's Prometheus says a query is."""
    url = f"{cloud.ready['endpoints']['prometheus']}/api/v1/query?{urlencode({'query': query})}"
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - of this machine
        result = json.load(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


@pytest.mark.skipif(prometheus.program() is None, reason="there is no prometheus on this machine")
def test_a_real_prometheus_scales_the_fleet_and_its_outage_sheds_no_pod(
    fast: Path, tmp_path: Path, scaled: dict[str, Any]
) -> None:
    """Out with the connections, in with the emptiest pod first, and nothing while nobody knows."""
    query = scaled["triggers"][0]["metadata"]["query"]
    assert query == 'sum(ws_connections_active{app="ws-gateway"})'

    async def test(cloud: Running) -> None:
        async with Crowd() as crowd:
            # More than two pods take: the last ones are refused until a third is there.
            everybody = await crowd.some(cloud.url, 2 * CAPACITY + 5)
            await until(lambda: evaluated(cloud, query) == len(everybody), "Prometheus counts them all")
            assert evaluated(cloud, f"count({query.removeprefix('sum')})") == len(ready(tmp_path))
            assert sum(figure(pod, "ws_connections_active") for pod in pods(tmp_path)) == len(everybody)
            assert crowd.refused
            assert wanted(tmp_path) == 3

            # Three pods with one, nine and five: the first is the emptiest, though not the youngest.
            for client in everybody:
                await client.close()
            fleet = ready(tmp_path)
            left = {
                pod["name"]: await crowd.some(f"ws://{pod['address']}:8080/", count)
                for pod, count in zip(fleet, (1, 9, 5), strict=True)
            }
            await until(lambda: wanted(tmp_path) == 2, "one pod less")
            going, *staying = fleet
            assert {pod["name"] for pod in ready(tmp_path)} == {pod["name"] for pod in staying}
            (client,) = left[going["name"]]
            await client.wait_closed()
            assert client.close_code == 1001
            for pod in staying:
                for client in left[pod["name"]]:
                    await client.send("still here")
                    assert await client.recv() == "still here"

            # Nobody knows how many there are: nothing changes, and certainly no pod goes.
            await crowd.some(cloud.url, 25)
            await until(lambda: wanted(tmp_path) == 3, "three pods again")
            (server,) = (pid for pid in children(cloud.process.pid) if psutil.Process(pid).name() == "prometheus")
            os.kill(server, signal.SIGKILL)
            await asyncio.to_thread(cloud.printed, "[Prometheus] has ended, signal SIGKILL")
            await asyncio.to_thread(cloud.printed, "[sockets] its metrics cannot be read: connections: Prometheus")
            before = {pod["name"] for pod in ready(tmp_path)}
            end = time.monotonic() + (300 + 120 + 60) / SCALE  # the window, the policy's period, and some
            while time.monotonic() < end:
                assert wanted(tmp_path) == 3
                await asyncio.sleep(0.1)
            assert {pod["name"] for pod in ready(tmp_path)} >= before

    with fleet(fast, tmp_path) as cloud:
        asyncio.run(test(cloud))


def test_an_autoscaler_on_cpu_adds_nothing_while_the_pods_are_full(assembly: Path, tmp_path: Path) -> None:
    """The same fleet, scaled as most people have it: everybody who comes too late stays outside."""

    async def test(cloud: Running) -> None:
        async with Crowd() as crowd:
            await crowd.some(cloud.url, 2 * CAPACITY)
            processes = [psutil.Process(pod["pid"]) for pod in ready(tmp_path)]
            used = sum(sum(process.cpu_times()[:2]) for process in processes)
            began = time.monotonic()
            # Twenty looks of the autoscaler, and as many clients that ask again and again.
            while time.monotonic() < began + 20 * 15 / SCALE:
                assert await crowd.one(cloud.url) is None
                await asyncio.sleep(0.05)
            used = sum(sum(process.cpu_times()[:2]) for process in processes) - used
            share = used / (time.monotonic() - began) / len(processes)
            assert share < 0.7 * 0.5, "of the half a CPU that a pod requests"
            assert crowd.reset == 0
            assert [figure(pod, "ws_connections_active") for pod in ready(tmp_path)] == [CAPACITY] * 2
            assert sum(figure(pod, "ws_handshakes_refused_total") for pod in ready(tmp_path)) >= crowd.refused > 20
            assert wanted(tmp_path) == 2
            assert not [line for line in cloud.lines if " -> " in line]

    with fleet(assembly, tmp_path, "--set", "cpu_percent=70") as cloud:
        asyncio.run(test(cloud))
