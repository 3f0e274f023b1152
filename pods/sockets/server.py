"""A pod that holds WebSockets itself: `python -m pods.sockets`, everything by environment.

The same variables as the functions have (`backend.settings`), the pod's limits (`pods.sockets.limits`), and HOST and
PORT for clients (`/healthz` and `/readyz` too), METRICS_PORT for `GET /metrics` on HOST, ADMIN_PORT for `POST /drain`
on the loopback interface, BUS_URL (`redis://` or `rediss://`) when there is more than one pod, TLS_CERTIFICATE and
TLS_KEY when TLS ends here. Port 0 is any free one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import uvloop

from backend.log import logger
from backend.settings import Settings, SettingsError, whole_number
from pods.sockets.acceptor import Acceptor
from pods.sockets.admin import serve_admin, serve_metrics
from pods.sockets.application import SocketApplication
from pods.sockets.bus import Bus, Listener
from pods.sockets.certificate import Certificate
from pods.sockets.drain import Drain
from pods.sockets.handshake import Handshakes
from pods.sockets.jobs import Jobs
from pods.sockets.limits import Limits, raise_descriptors
from pods.sockets.metrics import SocketMetrics
from pods.sockets.rebalance import Rebalance
from pods.sockets.socket import Hub, OpenSockets
from pods.sockets.threads import Threads
from pods.sockets.watch import measure, tell_who_missed, watch

#: A thread that calls AWS gives way to the event loop after so long.
_SWITCH_SECONDS = 0.001


#: The part of the grace period after which the process ends. What threads still do then is to let go of sessions, which
#: expire by themselves.
_DEADLINE = 0.99


def _end() -> None:
    logger.warning("ended before every session was let go of")
    os._exit(0)


class Addresses(NamedTuple):
    """Where a pod listens, and how it reaches the others."""

    host: str
    port: int
    metrics_port: int
    admin_port: int
    bus_url: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Addresses:
        """Read and check them. Raises SettingsError."""
        ports = {
            name: whole_number(environment, name, default, least=0, most=65535)
            for name, default in (("PORT", 8080), ("METRICS_PORT", 9090), ("ADMIN_PORT", 9091))
        }
        bus_url = environment.get("BUS_URL") or None
        if bus_url is not None and not bus_url.startswith(("redis://", "rediss://")):
            raise SettingsError("BUS_URL must be a redis:// or rediss:// URL")  # not printed: it may hold a password
        host = environment.get("HOST") or "127.0.0.1"
        return cls(host, ports["PORT"], ports["METRICS_PORT"], ports["ADMIN_PORT"], bus_url)


async def serve(settings: Settings, limits: Limits, addresses: Addresses, certificate: Certificate | None) -> None:
    """Serve until a drain is asked for, then drain."""
    loop = asyncio.get_running_loop()
    metrics = SocketMetrics(limits.max_connections)
    drain = Drain(metrics)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain.ask)
    sockets, threads = OpenSockets(loop), Threads(loop)
    bus = None
    if addresses.bus_url is not None:
        bus = Bus(addresses.bus_url, sockets.pod, metrics, loads=bool(limits.rebalance_percent))
    application = SocketApplication(settings, metrics, sockets, threads, bus, capacity=limits.max_connections)
    application.prepare()
    hub = Hub(limits, metrics, sockets, threads, application)
    missed = asyncio.Event()
    rebalance = Rebalance(hub) if limits.rebalance_percent else None
    jobs = Jobs(settings.work_url(), application.worker)
    acceptor = Acceptor(hub, Handshakes(hub))
    listening = {
        "pod": sockets.pod,
        "host": addresses.host,
        "port": await acceptor.start(addresses.host, addresses.port, certificate.context if certificate else None),
        "metrics": serve_metrics(metrics, addresses.host, addresses.metrics_port),
        "admin": serve_admin(partial(loop.call_soon_threadsafe, drain.ask), addresses.admin_port, addresses.host),
    }
    jobs.start()
    background = [asyncio.ensure_future(work) for work in (watch(hub), measure(hub), tell_who_missed(hub, missed))]
    if certificate is not None:
        background.append(asyncio.ensure_future(certificate.keep()))
    if bus is not None:
        heard = rebalance.heard if rebalance is not None else None
        background.append(asyncio.ensure_future(bus.run(Listener(application.delivery.receive, missed.set, heard))))
        if rebalance is not None:
            background.append(asyncio.ensure_future(rebalance.run(bus.tell_load)))
    print(json.dumps({"listening": listening}), flush=True)  # noqa: T201
    asked = asyncio.ensure_future(drain.asked.wait())
    try:
        await asyncio.wait([asked, *background], return_when=asyncio.FIRST_COMPLETED)
        for task in background:
            if task.done():
                task.result()  # a defect: none of them ends by itself
        jobs.stop()
        # Whatever happens: threads that wait for AWS would hold the end up, until SIGKILL.
        deadline = threading.Timer(limits.grace_seconds * _DEADLINE, _end)
        deadline.daemon = True
        deadline.start()
        await drain.run(hub)
    finally:
        asked.cancel()
        acceptor.stop()
        for task in background:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*background, return_exceptions=True)
        await asyncio.to_thread(threads.stop)


def configured(environment: Mapping[str, str]) -> tuple[Settings, Limits, Addresses, Certificate | None]:
    """Read and check all of it. Raises SettingsError."""
    settings, limits = Settings.from_environment(environment), Limits.from_environment(environment)
    addresses = Addresses.from_environment(environment)
    settings.work_url()
    if limits.rebalance_percent and addresses.bus_url is None:
        raise SettingsError("REBALANCE_PERCENT needs BUS_URL: that is how pods learn how many sockets the others have")
    return settings, limits, addresses, Certificate.from_environment(environment)


def main() -> None:
    """Exit status 2 for settings that are not allowed, 1 for an address that cannot be listened on."""
    try:
        settings, limits, addresses, certificate = configured(os.environ)
        raise_descriptors(limits)
    except SettingsError as error:
        print(f"pods.sockets: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        uvloop.run(serve(settings, limits, addresses, certificate))
    except OSError as error:
        print(f"pods.sockets: cannot listen on {addresses.host}: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None
