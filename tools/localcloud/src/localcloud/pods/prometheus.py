"""A real Prometheus, beside the pods: it scrapes them, and autoscalers ask it what KEDA would."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from autoscaling.keda import MetricError
from localcloud.child import Child
from localcloud.errors import LocalError
from localcloud.pods import addresses, http
from localcloud.pods.scraping import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from autoscaling.keda import Reading
    from localcloud.clock import Clock
    from localcloud.pods.fleet import Fleet
    from localcloud.pods.model import PrometheusQuery
    from localcloud.pods.monitors import Scrape

PORT = 9090
_START_SECONDS = 30.0
_QUERY_SECONDS = 3.0  # as long as KEDA waits for an answer (--keda-http-default-timeout)
_LEAST_INTERVAL = 0.25  # real seconds between two scrapes, however fast the clock runs


def program() -> str | None:
    """Where it is on this machine, if it is."""
    return shutil.which("prometheus")


class Prometheus(Child):
    """The process, from `start` to `stop`. What it warns of goes to `report`."""

    def __init__(self, folder: Path, fleets: Sequence[Fleet], clock: Clock, report: Callable[[str], None]) -> None:
        """`folder` takes its configuration and data. LocalError when it has no address to listen on."""
        super().__init__()
        self._lease = addresses.lease([PORT])
        self._folder = folder
        self._scrapes = [(fleet, scrape) for fleet in fleets for scrape in fleet.spec.scrapes]
        self._clock = clock
        self._report = report
        self._stopping = False
        self.url = f"http://{self._lease.address}:{PORT}"

    async def start(self, binary: str) -> None:
        """Run it until it is ready. LocalError when it does not get there."""
        folder = self._folder
        (folder / "prometheus.json").write_text(json.dumps(configuration(self._scrapes, folder, self._clock.scale)))
        self.retarget()
        options = {
            "config.file": folder / "prometheus.json",
            "storage.tsdb.path": folder / "data",
            "storage.tsdb.retention.time": "1d",
            "web.listen-address": f"{self._lease.address}:{PORT}",
            "log.level": "warn",
        }
        command = [f"--{name}={value}" for name, value in options.items()]
        try:
            await self.spawn(
                {"PATH": os.defpath, "GOMAXPROCS": "1"}, {"folder": str(folder), "program": binary, "command": command}
            )
            async with asyncio.timeout(_START_SECONDS):
                while not await self._ready():
                    if not self.running:
                        raise LocalError("Prometheus has ended at its start: its last line says why")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise LocalError(f"Prometheus is not ready after {_START_SECONDS:g} seconds") from None

    def retarget(self) -> None:
        """Tell it which pods there are. It takes some seconds to take that in."""
        for number, (fleet, scrape) in enumerate(self._scrapes):
            groups = [
                {"targets": [f"{target.address}:{scrape.port}"], "labels": dict(target.labels)}
                for target in targets(fleet, scrape)
            ]
            file = _targets_file(self._folder, number)
            partial = file.with_suffix(".new")
            partial.write_text(json.dumps(groups))
            partial.replace(file)

    async def read(self, query: PrometheusQuery, _: float) -> Reading:
        """The query's value now, as KEDA's trigger takes it.

        Source: ExecutePromQuery in kedacore/keda pkg/scalers/prometheus_scaler.go: one element, no more; none, and
        what is no number, is no data.
        """
        target = f"{query.prefix}/api/v1/query?{urlencode({'query': query.text})}"
        try:
            status, body = await http.get(self._lease.address, PORT, target, _QUERY_SECONDS)
            answer = json.loads(body)
            if status != 200:
                return MetricError(f"Prometheus answers {status}: {str(answer.get('error'))[:200]}")
            result = answer["data"]["result"]
            if answer["data"]["resultType"] == "scalar":
                result = [{"value": result}]
            if len(result) > 1:
                return MetricError(f"the query gives {len(result)} elements, and has to give one")
            value = float(result[0]["value"][1]) if result else math.nan
        except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            return MetricError(f"Prometheus cannot be asked: {error or type(error).__name__}")
        return value if math.isfinite(value) else None

    async def stop(self) -> None:
        """End it at once: its data goes with it."""
        self._stopping = True
        if self.running:
            self.kill_group()
            await self.exited
        self._lease.close()

    def printed(self, line: str) -> None:
        self._report(line)

    def ended(self, how: str) -> None:
        if not self._stopping:
            self._report(f"has ended, {how}: autoscalers go by their fallbacks until this is started again")

    async def _ready(self) -> bool:
        try:
            return (await http.get(self._lease.address, PORT, "/-/ready", 1.0))[0] == 200
        except (OSError, EOFError, ValueError):
            return False


def configuration(scrapes: Sequence[tuple[Fleet, Scrape]], folder: Path, scale: float) -> dict[str, object]:
    """Its configuration file, which is YAML, and so may be JSON."""
    jobs = []
    for number, (_, scrape) in enumerate(scrapes):
        interval = f"{math.ceil(max(scrape.interval / scale, _LEAST_INTERVAL) * 1000)}ms"
        jobs.append(
            {
                "job_name": f"{scrape.job}/{number}",
                "metrics_path": scrape.path,
                "scrape_interval": interval,
                "scrape_timeout": interval,
                "file_sd_configs": [{"files": [str(_targets_file(folder, number))]}],
            }
        )
    return {"scrape_configs": jobs}


def _targets_file(folder: Path, number: int) -> Path:
    return folder / f"targets-{number}.json"
