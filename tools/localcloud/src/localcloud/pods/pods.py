"""All the containers of the cloud, and what brings requests to them and scales them."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from localcloud.errors import LocalError
from localcloud.pods import autoscaler, prometheus
from localcloud.pods.balancing import Balancer, Group
from localcloud.pods.cloudwatch import CloudWatch
from localcloud.pods.cluster import Cluster
from localcloud.pods.fleet import Fleet
from localcloud.pods.model import OnCpu, PrometheusQuery, Triggered
from localcloud.pods.promql import QueryError
from localcloud.pods.scraping import Scraper
from localcloud.pods.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator

    from autoscaling.keda import Reading
    from localcloud.metrics import Metrics
    from localcloud.pods.container import Host
    from localcloud.pods.model import CloudWatchQuery, FleetSpec, PodsPlan
    from localcloud.pods.prometheus import Prometheus
    from localcloud.pods.settings import PodSettings

_FIRST_SECONDS = 30.0  # real: how long a start waits for first replicas to be ready


class Pods:
    """What runs. `changed` is called when something has that `describe` gives."""

    def __init__(
        self, plans: Iterable[tuple[PodsPlan, PodSettings]], host: Host, changed: Callable[[], None] = lambda: None
    ) -> None:
        """Raises LocalError for settings that do not go with the plans."""
        self._host = host
        self._tell = changed
        self.groups: dict[str, Group] = {}
        self._fleets: list[Fleet] = []
        self._delays: list[float] = []
        self.balancers: dict[str, Balancer] = {}
        self._running = ExitStack()
        self._prometheus: Prometheus | None = None
        self._scraper: Scraper | None = None
        for plan, settings in plans:
            for group in plan.groups:
                self.groups[group.arn] = Group(Targets(group, settings), settings, host.clock)
            for name, listeners in plan.balancers.items():
                self.balancers[name] = Balancer({port: self.groups[arn] for port, arn in listeners.items()})
            for spec in plan.fleets:
                self._fleets.append(Fleet(scaled(spec, settings), self.groups, host, self._changed))
                self._delays.append(settings.metric_seconds)

    async def start(self) -> None:
        """Run as many as there are at first; gives back when requests can come, or says that they cannot yet.

        LocalError when there is nobody who could answer an autoscaler's queries.
        """
        if any(fleet.spec.pod.asks_cluster for fleet in self._fleets):
            folder = Path(self._running.enter_context(TemporaryDirectory(prefix="localcloud-cluster-")))
            cluster = Cluster(self._fleets, folder)
            self._host.accounts.update(await cluster.start())
            self._running.callback(cluster.stop)
        # Whom others ask comes first, since these are told where; who only asks comes last.
        asked = [fleet for fleet in self._fleets if fleet.spec.services and not fleet.spec.bindings]
        served = [fleet for fleet in self._fleets if fleet.spec.bindings]
        for fleet in asked + served:
            fleet.scale(first(fleet.spec))
        await asyncio.gather(self._observe(), *(self._first_ready(fleet) for fleet in served))
        for fleet in self._fleets:
            if fleet not in asked + served:
                fleet.scale(first(fleet.spec))

    def autoscaling(self, url: str, region: str) -> Iterator[Coroutine[None, None, None]]:
        """What has them scaled, by the CloudWatch at `url` or a Prometheus, until it is cancelled."""
        for fleet, delay in zip(self._fleets, self._delays, strict=True):
            if fleet.spec.autoscaler is not None:
                cloudwatch = CloudWatch(url, region, delay)
                self._running.callback(cloudwatch.close)
                yield autoscaler.run(fleet, partial(self._read, cloudwatch), self._host.clock, self._host.report)

    async def stop(self) -> None:
        """End everything at once."""
        for group in self.groups.values():
            group.stop()
        ends = [fleet.stop() for fleet in self._fleets]
        if self._prometheus is not None:
            ends.append(self._prometheus.stop())
        await asyncio.gather(*ends)
        self._running.close()

    def describe(self) -> list[dict[str, object]]:
        """As a ready file has it."""
        return [fleet.describe() for fleet in self._fleets]

    @property
    def prometheus_url(self) -> str | None:
        """That of the Prometheus, where there is one."""
        return None if self._prometheus is None else self._prometheus.url

    def counts(self) -> list[tuple[str, str]]:
        """A line about each variant's fleet, by its name."""
        return [(fleet.spec.name, fleet.count()) for fleet in self._fleets if fleet.spec.bindings]

    def sample(self, metrics: Metrics) -> None:
        """Count the tasks that run, as Container Insights does."""
        for fleet in self._fleets:
            if fleet.spec.counted_as:
                name = ("ECS/ContainerInsights", "RunningTaskCount", "Count")
                metrics.add(*name, fleet.spec.counted_as, fleet.running)

    def _changed(self) -> None:
        if self._prometheus is not None:
            self._prometheus.retarget()
        self._tell()

    async def _read(self, cloudwatch: CloudWatch, query: CloudWatchQuery | PrometheusQuery, now: float) -> Reading:
        """What an autoscaler's query comes to: it says itself whom it is for."""
        if not isinstance(query, PrometheusQuery):
            return await cloudwatch.read(query, now)
        asked = self._prometheus or self._scraper
        assert asked is not None  # noqa: S101 - one who answers was found at the start
        return await asked.read(query, now)

    async def _observe(self) -> None:
        """Have somebody who answers queries of Prometheus, if there are any."""
        queries = [
            query
            for fleet in self._fleets
            if isinstance(fleet.spec.autoscaler, Triggered)
            for _, query, _ in fleet.spec.autoscaler.triggers
            if isinstance(query, PrometheusQuery)
        ]
        if not queries:
            return
        if (binary := prometheus.program()) is None:
            try:
                self._scraper = Scraper(self._fleets, queries, time.monotonic)
            except QueryError as error:
                raise LocalError(str(error)) from error
            return
        folder = Path(self._running.enter_context(TemporaryDirectory(prefix="localcloud-prometheus-")))

        def report(line: str) -> None:
            self._host.report("Prometheus", line)

        self._prometheus = prometheus.Prometheus(folder, self._fleets, self._host.clock, report)
        await self._prometheus.start(binary)

    async def _first_ready(self, fleet: Fleet) -> None:
        groups = [self.groups[binding.target_group] for binding in fleet.spec.bindings]
        try:
            async with asyncio.timeout(_FIRST_SECONDS):
                await asyncio.gather(*(group.serving.wait() for group in groups))
        except TimeoutError:
            self._host.report(fleet.spec.name, f"no {fleet.spec.noun} is ready yet")


def scaled(spec: FleetSpec, settings: PodSettings) -> FleetSpec:
    """A fleet as it is to be scaled: by its own autoscaler, or on CPU when the settings say so. LocalError when that
    cannot be."""
    if not settings.cpu_percent or not isinstance(spec.autoscaler, Triggered):
        return spec
    if not spec.pod.cpu_request:
        raise LocalError(f"{spec.pod.where}: cpu_percent needs a request of CPU, which it does not make")
    return replace(spec, autoscaler=OnCpu(round(settings.cpu_percent), spec.autoscaler.bounds))


def first(spec: FleetSpec) -> int:
    """How many there are at the beginning: as its autoscaler would have it at its first look."""
    if spec.autoscaler is None:
        return spec.replicas
    least, most = spec.autoscaler.bounds
    return min(max(spec.replicas, least), most)
