"""What pods say about themselves, by their ServiceMonitors; and who reads it where there is no Prometheus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from autoscaling.keda import MetricError
from localcloud.pods import http, promql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from autoscaling.keda import Reading
    from localcloud.pods.fleet import Fleet
    from localcloud.pods.model import PrometheusQuery
    from localcloud.pods.monitors import Scrape

_SECONDS = 3.0  # that a pod may take for its answer


class Target(NamedTuple):
    """A pod that is asked for its metrics."""

    address: str
    labels: Mapping[str, str]


def targets(fleet: Fleet, scrape: Scrape) -> list[Target]:
    """The pods of a fleet whose process runs, those that drain among them: their sockets are there, too."""
    return [
        Target(pod.address, {**scrape.labels, "job": scrape.job, "pod": pod.name}) for pod in fleet.pods if pod.running
    ]


class Scraper:
    """Asks the pods whenever it is asked, and evaluates the query itself."""

    def __init__(self, fleets: Iterable[Fleet], queries: Iterable[PrometheusQuery], now: Callable[[], float]) -> None:
        """`now` gives real seconds, by which rates go. Raises QueryError for a query that is not understood."""
        self._queries = {query: promql.Query(query.text) for query in queries}
        self._history = promql.History(selector for query in self._queries.values() for selector in query.selectors)
        self._fleets = list(fleets)
        self._now = now

    async def read(self, query: PrometheusQuery, _: float) -> Reading:
        """What the query comes to now."""
        now = self._now()
        asked = [
            _ask(target, scrape)
            for fleet in self._fleets
            for scrape in fleet.spec.scrapes
            for target in targets(fleet, scrape)
        ]
        said = await asyncio.gather(*asked)
        self._history.add(now, (sample for samples in said for sample in samples))
        if asked and not any(said):
            return MetricError("no pod answers on its metrics port")
        return self._queries[query].evaluate(self._history, now)


async def _ask(target: Target, scrape: Scrape) -> list[tuple[str, Mapping[str, str], float]]:
    """The samples of a pod; none when it does not answer."""
    try:
        status, body = await http.get(target.address, scrape.port, scrape.path, _SECONDS)
        return list(samples(body.decode(), target)) if status == 200 else []
    except (OSError, EOFError, ValueError):
        return []


def samples(text: str, target: Target) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Name, labels and value of each series that a target tells. ValueError for what is not Prometheus' text format."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, {**sample.labels, **target.labels}, float(sample.value)
