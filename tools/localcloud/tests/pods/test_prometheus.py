"""Who answers the queries: a real Prometheus and what stands for it, asked about the same pods."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from autoscaling.keda import MetricError
from localcloud.clock import Clock
from localcloud.pods import addresses, prometheus
from localcloud.pods.model import PrometheusQuery
from localcloud.pods.monitors import Scrape
from localcloud.pods.prometheus import Prometheus
from localcloud.pods.promql import QueryError
from localcloud.pods.scraping import Scraper

if TYPE_CHECKING:
    from pathlib import Path

PORT = 9090
GATEWAY = '{app="ws-gateway"}'
ACTIVE = f"ws_connections_active{GATEWAY}"
QUERIES = [
    f"sum({ACTIVE})",
    f"100 * sum({ACTIVE}) / avg(ws_connection_capacity{GATEWAY})",
    f"count({ACTIVE})",
    f"max({ACTIVE}) - min({ACTIVE})",
    'sum(ws_connections_ended_total{app="ws-gateway",reason!="cut"})',
    'sum(ws_connections_active{app="nobody"})',
    'sum(ws_connections_active{namespace="realtime",service="ws-gateway",job="ws-gateway",pod="a"})',
]
SAID = """# TYPE ws_connections_active gauge
ws_connections_active {active}
# TYPE ws_connection_capacity gauge
ws_connection_capacity 20.0
# TYPE ws_connections_ended_total counter
ws_connections_ended_total{{reason="cut"}} 100.0
ws_connections_ended_total{{reason="client"}} 3.0
ws_connections_ended_total{{reason="drained"}} 4.0
"""


class Pods:
    """Things that say what pods say, on addresses of their own."""

    def __init__(self) -> None:
        self.leases: list[addresses.Lease] = []
        self.servers: list[asyncio.Server] = []
        self.pods: list[Any] = []
        labels = {"app": "ws-gateway", "namespace": "realtime", "service": "ws-gateway"}
        self.spec = SimpleNamespace(scrapes=(Scrape("ws-gateway", PORT, interval=0.25, labels=labels),))

    async def add(self, name: str, active: int) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            body = SAID.format(active=active).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            writer.close()

        lease = addresses.lease([PORT])
        self.leases.append(lease)
        self.servers.append(await asyncio.start_server(answer, lease.address, PORT))
        self.pods.append(SimpleNamespace(name=name, address=lease.address, running=True))

    def stop(self) -> None:
        for server in self.servers:
            server.close()
        for lease in self.leases:
            lease.close()


def query(text: str) -> PrometheusQuery:
    return PrometheusQuery(text, text)


async def until(reader: Any, text: str, wanted: float | None) -> None:
    async with asyncio.timeout(60):
        while (found := await reader.read(query(text), 0)) != wanted:
            assert not isinstance(found, MetricError), found
            await asyncio.sleep(0.05)


@pytest.mark.skipif(prometheus.program() is None, reason="there is no prometheus on this machine")
def test_a_real_prometheus_and_what_stands_for_it_say_the_same(tmp_path: Path) -> None:
    async def test() -> None:
        pods, lines = Pods(), list[str]()
        fleet: Any = pods
        for name, active in (("a", 12), ("b", 5)):
            await pods.add(name, active)
        real = Prometheus(tmp_path, [fleet], Clock(), lines.append)
        scraper = Scraper([fleet], map(query, QUERIES), asyncio.get_running_loop().time)
        try:
            await real.start(str(prometheus.program()))
            await until(real, QUERIES[0], 17)
            for text in QUERIES:
                assert await real.read(query(text), 0) == await scraper.read(query(text), 0), text
            for text, what in (("ws_connections_active", "2 elements"), ("sum(", "Prometheus answers 400")):
                error = await real.read(query(text), 0)
                assert isinstance(error, MetricError)
                assert what in str(error)
            assert await real.read(query("1/0"), 0) is None
            assert await real.read(query("7"), 0) == 7
            assert real.pid is not None
            os.killpg(real.pid, signal.SIGKILL)
            await real.exited
            assert isinstance(await real.read(query("7"), 0), MetricError)
            assert lines == ["has ended, signal SIGKILL: autoscalers go by their fallbacks until this is started again"]
        finally:
            await real.stop()
            pods.stop()

    uvloop.run(test())


def test_without_an_answer_of_any_pod_nothing_is_known() -> None:
    async def test() -> None:
        pods = Pods()
        fleet: Any = pods
        scraper = Scraper([fleet], [query(QUERIES[0])], asyncio.get_running_loop().time)
        assert await scraper.read(query(QUERIES[0]), 0) is None, "there are no pods"
        lease = addresses.lease([PORT])
        pods.pods.append(SimpleNamespace(name="a", address=lease.address, running=True))
        assert isinstance(await scraper.read(query(QUERIES[0]), 0), MetricError)
        await pods.add("b", 4)
        assert await scraper.read(query(QUERIES[0]), 0) == 4
        lease.close()
        pods.stop()

    uvloop.run(test())


def test_a_query_that_nobody_here_can_answer_is_known_at_the_start() -> None:
    with pytest.raises(QueryError, match="install prometheus"):
        Scraper([], [query("topk(1, a)")], lambda: 0)


def test_the_interval_goes_by_the_clock_and_the_file_is_one_that_prometheus_takes(tmp_path: Path) -> None:
    fleet: Any = Pods()
    scrape = Scrape("ws-gateway", PORT, "/metrics", 15)
    for scale, interval in ((1, "15000ms"), (15, "1000ms"), (3600, "250ms")):
        found: Any = prometheus.configuration([(fleet, scrape)], tmp_path, scale)
        (job,) = json.loads(json.dumps(found))["scrape_configs"]
        assert (job["scrape_interval"], job["metrics_path"]) == (interval, "/metrics")
