"""The emptiest pod goes first: `python -m pods.scale_in`, everything by environment.

A Deployment that loses a pod deletes the one with the lowest deletion cost. This controller writes the number of its
sockets there. Kubernetes asks not to update the annotation with every change of a metric, but shortly before a
scale-in; so it writes only while the fleet's connections would fit into fewer pods than there are, as the autoscaler
reckons. From then on ten minutes pass (the window of the ScaledObject's scaleDown) until the first pod goes, and two
between pods. And it writes only what is off by more than CHANGE_PERCENT of the pods' mean, every INTERVAL_SECONDS at
most.
https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger
from prometheus_client.parser import text_string_to_metric_families

from backend.settings import SettingsError, whole_number
from pods.scale_in.fetch import FetchError, fetch
from pods.scale_in.kubernetes import MOST_COST, Kubernetes, KubernetesError, Pod

logger = Logger(service="deletion-cost")

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_GAUGE = "ws_connections_active"
#: A pod that has not told its number within so many seconds is taken for a full one.
_SCRAPE_SECONDS = 3.0
_SCRAPES = 20  # at once
_SELECTOR = re.compile(r"[A-Za-z0-9=!,()._/ -]{1,512}")


@dataclass(frozen=True)
class CostSettings:
    """One field an environment variable of the same name in capitals.

    `kubernetes_url` is the API's (https, or http on the loopback interface), by default that of the cluster it runs in.
    `service_account_folder` has `token`, `ca.crt` and `namespace`; `namespace` overrides the last. `pod_selector` are
    the labels of the pods, whose metrics are on `pod_metrics_port`. `target_connections` and `min_replicas` are those
    of the ScaledObject. The health endpoints are on `host` and `port`.
    """

    kubernetes_url: str
    service_account_folder: Path = Path(_ACCOUNT)
    namespace: str | None = None
    pod_selector: str = "app=ws-gateway"
    pod_metrics_port: int = 9090
    target_connections: int = 6000
    min_replicas: int = 3
    interval_seconds: int = 30
    change_percent: int = 10
    host: str = "127.0.0.1"
    port: int = 8080

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read and check every variable. Raises SettingsError."""
        selector = environment.get("POD_SELECTOR", cls.pod_selector)
        if not _SELECTOR.fullmatch(selector):
            raise SettingsError(f"POD_SELECTOR is {selector!r}: it must be a label selector such as app=ws-gateway")
        return cls(
            _api(environment),
            Path(environment.get("SERVICE_ACCOUNT_FOLDER") or _ACCOUNT),
            environment.get("NAMESPACE") or None,
            selector,
            whole_number(environment, "POD_METRICS_PORT", cls.pod_metrics_port, least=1, most=65535),
            whole_number(environment, "TARGET_CONNECTIONS", cls.target_connections, least=1),
            whole_number(environment, "MIN_REPLICAS", cls.min_replicas, least=0),
            whole_number(environment, "INTERVAL_SECONDS", cls.interval_seconds, least=1, most=3600),
            whole_number(environment, "CHANGE_PERCENT", cls.change_percent, least=0, most=100),
            environment.get("HOST") or cls.host,
            whole_number(environment, "PORT", cls.port, least=0, most=65535),
        )


def _api(environment: Mapping[str, str]) -> str:
    """The API's URL. Raises SettingsError."""
    url = environment.get("KUBERNETES_URL")
    if not url:
        host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise SettingsError("KUBERNETES_URL is not set, and neither is KUBERNETES_SERVICE_HOST: run it in a pod")
        url = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        parts = urlsplit(url)
        loopback = parts.hostname in {"localhost", "::1"} or (parts.hostname or "").startswith("127.")
        valid = bool(parts.hostname) and parts.port != 0 and not parts.query and not parts.username
    except ValueError:
        valid = loopback = False
        parts = urlsplit("")
    if not valid or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise SettingsError(f"KUBERNETES_URL is {url!r}: it must be an https:// URL (http:// on your own machine)")
    return url.rstrip("/")


# --- what to write: no clock, no socket ------------------------------------------------------------------------------


def assumed(pods: Iterable[Pod], counts: Mapping[str, int]) -> dict[Pod, int]:
    """The sockets of each pod. One that does not tell its number is as full as the fullest: it is not to go first."""
    most = max(counts.values(), default=0)
    return {pod: counts.get(pod.name, most) for pod in pods}


def scale_in_is_near(sockets: Sequence[int], target_connections: int, min_replicas: int) -> bool:
    """Whether the autoscaler, left to this metric, would have fewer pods: ceil(sum / target) within its minimum."""
    return max(-(-sum(sockets) // target_connections), min_replicas) < len(sockets)


def outdated(sockets: Mapping[Pod, int], change_percent: int) -> list[tuple[Pod, int]]:
    """The pods whose cost is off by more than a share of the mean, and what it should be; the emptiest first."""
    if not sockets:
        return []
    allowed = sum(sockets.values()) / len(sockets) * change_percent / 100
    wanted = ((pod, min(count, MOST_COST)) for pod, count in sockets.items())
    wrong = [(pod, cost) for pod, cost in wanted if pod.cost is None or abs(pod.cost - cost) > allowed]
    return sorted(wrong, key=lambda one: one[1])


# --- the controller --------------------------------------------------------------------------------------------------


class Controller:
    """Sets the deletion costs of the fleet every `interval_seconds`."""

    def __init__(self, settings: CostSettings) -> None:
        self._settings = settings
        self._kubernetes = Kubernetes(settings.kubernetes_url, settings.service_account_folder, settings.namespace)
        self.updated_at = time.monotonic()
        self.well = False  # the last update read every pod and wrote every cost that was due

    @property
    def alive(self) -> bool:
        """Whether updates go on, well or not: an API that is away is no reason to start this process again."""
        return time.monotonic() - self.updated_at < 3 * self._settings.interval_seconds + 60

    async def run(self) -> None:
        """Update until cancelled."""
        while True:
            began = time.monotonic()
            try:
                await self.update()
            except KubernetesError as error:
                self.well = False
                logger.warning("costs not set", reason=str(error))
            self.updated_at = time.monotonic()
            await asyncio.sleep(max(0.0, began + self._settings.interval_seconds - self.updated_at))

    async def update(self) -> None:
        """Read every pod's sockets, and write the costs that are due. Raises KubernetesError."""
        pods = await self._kubernetes.pods(self._settings.pod_selector)
        counts = await self._counts(pods)
        sockets = assumed(pods, counts)
        due: list[tuple[Pod, int]] = []
        near = scale_in_is_near([*sockets.values()], self._settings.target_connections, self._settings.min_replicas)
        if counts and near:
            due = outdated(sockets, self._settings.change_percent)
        written = 0
        for pod, cost in due:
            try:
                await self._kubernetes.set_cost(pod, cost)
                written += 1
            except KubernetesError as error:
                if not error.gone:  # whatever it is, the other pods would get the same: until the next update
                    raise
        if written:
            logger.info("costs set", pods=len(pods), written=written, silent=len(pods) - len(counts))
        self.well = True

    async def _counts(self, pods: Sequence[Pod]) -> dict[str, int]:
        """The sockets of each pod that says so, by name."""
        at_once = asyncio.Semaphore(_SCRAPES)

        async def count(pod: Pod) -> tuple[str, int | None]:
            host = f"[{pod.address}]" if ":" in pod.address else pod.address
            async with at_once:
                try:
                    url = f"http://{host}:{self._settings.pod_metrics_port}/metrics"
                    answer = await fetch("GET", url, seconds=_SCRAPE_SECONDS)
                except FetchError as error:
                    logger.warning("no metrics", pod=pod.name, reason=str(error))
                    return pod.name, None
            return pod.name, gauge(answer.body) if answer.status == 200 else None

        found = await asyncio.gather(*map(count, pods))
        return {name: number for name, number in found if number is not None}


def gauge(body: bytes) -> int | None:
    """The value of `ws_connections_active` in Prometheus' text format, all its series together; None without one."""
    try:
        families = text_string_to_metric_families(body.decode())
        values = [sample.value for family in families if family.name == _GAUGE for sample in family.samples]
        total = int(sum(values))
    except (ValueError, OverflowError):  # not the format, or no number
        return None
    return total if values and total >= 0 else None


def serve_health(controller: Controller, host: str, port: int) -> int:
    """Answer `GET /healthz` and `GET /readyz` from a thread, until the process ends; the port."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            """200 or 503."""
            if self.path not in {"/healthz", "/readyz"}:
                self.send_error(404)
                return
            fine = controller.alive and (self.path == "/healthz" or controller.well)
            self.send_response(200 if fine else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return int(server.server_port)


async def serve(settings: CostSettings) -> None:
    """Run until SIGTERM or SIGINT."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    controller = Controller(settings)
    port = serve_health(controller, settings.host, settings.port)
    print(json.dumps({"listening": {"host": settings.host, "port": port}}), flush=True)  # noqa: T201
    updating, stopping = asyncio.ensure_future(controller.run()), asyncio.ensure_future(stop.wait())
    await asyncio.wait([updating, stopping], return_when=asyncio.FIRST_COMPLETED)
    if updating.done():
        updating.result()  # a defect: it does not end by itself
    for task in (updating, stopping):
        task.cancel()
    await asyncio.gather(updating, stopping, return_exceptions=True)


def main() -> None:
    """Exit status 2 for settings that are not allowed, 1 for an address that cannot be listened on."""
    try:
        settings = CostSettings.from_environment(os.environ)
    except SettingsError as error:
        print(f"pods.scale_in: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        print(f"pods.scale_in: cannot listen on {where}: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None
