"""All the containers of the cloud, and what brings requests to them and scales them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from local.pods import autoscaler
from local.pods.balancing import Balancer, Group
from local.pods.fleet import Fleet
from local.pods.metrics import CloudWatch
from local.pods.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator

    from local.metrics import Metrics
    from local.pods.container import Host
    from local.pods.model import FleetSpec, PodsPlan
    from local.pods.settings import Settings

_FIRST_SECONDS = 30.0  # real: how long a start waits for first replicas to be ready


class Pods:
    """What runs. `changed` is called when something has that `describe` gives."""

    def __init__(
        self, plans: Iterable[tuple[PodsPlan, Settings]], host: Host, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._host = host
        self._groups: dict[str, Group] = {}
        self._fleets: list[Fleet] = []
        self._delays: list[float] = []
        self.balancers: dict[str, Balancer] = {}
        for plan, settings in plans:
            for group in plan.groups:
                self._groups[group.arn] = Group(Targets(group, settings), settings, host.clock)
            for name, listeners in plan.balancers.items():
                self.balancers[name] = Balancer({port: self._groups[arn] for port, arn in listeners.items()})
            for spec in plan.fleets:
                self._fleets.append(Fleet(spec, self._groups, host, changed))
                self._delays.append(settings.metric_seconds)

    async def start(self) -> None:
        """Run as many as there are at first; gives back when requests can come, or says that they cannot yet."""
        for fleet in self._fleets:
            fleet.scale(first(fleet.spec))
        await asyncio.gather(*(self._first_ready(fleet) for fleet in self._fleets))

    def autoscaling(self, url: str, region: str) -> Iterator[Coroutine[None, None, None]]:
        """What has them scaled, by the CloudWatch at `url`, until it is cancelled."""
        for fleet, delay in zip(self._fleets, self._delays, strict=True):
            if fleet.spec.autoscaler is not None:
                client = CloudWatch(url, region, delay)
                yield autoscaler.run(fleet, client, self._host.clock, self._host.report)

    async def stop(self) -> None:
        """End everything at once."""
        for group in self._groups.values():
            group.stop()
        await asyncio.gather(*(fleet.stop() for fleet in self._fleets))

    def describe(self) -> list[dict[str, object]]:
        """As a ready file has it."""
        return [fleet.describe() for fleet in self._fleets]

    def counts(self) -> list[tuple[str, str]]:
        """A line about each fleet, by its name."""
        return [(fleet.spec.name, fleet.count()) for fleet in self._fleets]

    def sample(self, metrics: Metrics) -> None:
        """Count the tasks that run, as Container Insights does."""
        for fleet in self._fleets:
            if fleet.spec.counted_as:
                name = ("ECS/ContainerInsights", "RunningTaskCount", "Count")
                metrics.add(*name, fleet.spec.counted_as, fleet.running)

    async def _first_ready(self, fleet: Fleet) -> None:
        groups = [self._groups[binding.target_group] for binding in fleet.spec.bindings]
        try:
            async with asyncio.timeout(_FIRST_SECONDS):
                await asyncio.gather(*(group.serving.wait() for group in groups))
        except TimeoutError:
            self._host.report(fleet.spec.name, f"no {fleet.spec.noun} is ready yet")


def first(spec: FleetSpec) -> int:
    """How many there are at the beginning: as its autoscaler would have it at its first look."""
    if spec.autoscaler is None:
        return spec.replicas
    least, most = spec.autoscaler.bounds
    return min(max(spec.replicas, least), most)
