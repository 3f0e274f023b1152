"""What silent sockets take, and how they end."""

from __future__ import annotations

import resource
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.benchmarks.gateway import resident
from tests.benchmarks.sockets.clients import Crowd, progress
from tests.benchmarks.sockets.servers import eventually_quiet, sessions
from tests.e2e.socket_pods.fleet import Fleet

_GRACE = 120


def kernel_memory() -> float:
    """KiB that the kernel holds in sockets and what belongs to them, descriptors among it."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    stat = Path("/proc/net/sockstat").read_text().split()
    pages = int(stat[stat.index("TCP:") + stat[stat.index("TCP:") :].index("mem") + 1])
    return float(lines["Slab"].split()[0]) + pages * resource.getpagesize() / 1024


def idle(count: int, pods: int) -> dict[str, Any]:
    """So many silent sockets: what they take, and how they end."""
    each = count // pods
    with ExitStack() as stack:
        options: dict[str, Any] = {
            "max_connections": each,
            "drain_seconds": 10,
            "grace_seconds": _GRACE,
            "close_seconds": 60,
        }
        fleet = stack.enter_context(Fleet(0, **options))
        for number in range(pods):
            fleet.add(host=f"127.0.0.{number + 2}")
        memory, kernel = [resident(pod.process.pid) for pod in fleet.pods], kernel_memory()
        progress(f"idle, opening {count}")
        began = time.time()
        crowds = [stack.enter_context(Crowd(pod.address, each)) for pod in fleet.pods]
        for crowd in crowds:
            crowd.hear()
        opened = time.time() - began
        eventually_quiet(fleet)
        attached = time.time() - began
        active = fleet.active()
        if active != count:
            raise SystemExit(f"{active:.0f} of {count} sockets are left: {endings(fleet)}")
        grown = [resident(pod.process.pid) - before for pod, before in zip(fleet.pods, memory, strict=True)]
        kernel = (kernel_memory() - kernel) / (2 * count)
        progress("idle, pinging")
        for crowd in crowds:
            crowd.say("ping")
        pongs = sum(crowd.hear()["heard"] for crowd in crowds)
        progress("idle, reading sessions")
        unique = len(sessions(fleet))
        progress("idle, draining")
        began = time.time()
        for pod in fleet.pods:
            pod.process.send_signal(signal.SIGTERM)
        codes: dict[str, float] = {}
        for crowd in crowds:
            crowd.say("closed")
        for crowd in crowds:
            for code, ended in crowd.hear().items():
                codes[code] = codes.get(code, 0) + ended
        drained = time.time() - began
        left = fleet.active()
        statuses = [pod.process.wait(_GRACE) for pod in fleet.pods]
        return {
            "sockets": count,
            "pods": pods,
            "active": active,
            "open_seconds": opened,
            "attached_seconds": attached,
            "process_kib": sum(grown) / count,
            "kernel_kib": kernel,
            "sessions": unique,
            "pongs": pongs,
            "close_codes": codes,
            "drain_seconds": drained,
            "gauge_after": left,
            "exit_statuses": statuses,
            "exit_seconds": time.time() - began,
        }


def endings(fleet: Fleet) -> str:
    """Why sockets have ended, and what the pods say last."""
    lines = [line for pod in fleet.pods for line in pod.get("metrics", "/metrics")[1].splitlines()]
    reasons = [
        line for line in lines if line.startswith(("ws_connections_ended_total{", "ws_handshakes_refused_total{"))
    ]
    return "\n".join([*reasons, *(line[:300] for pod in fleet.pods for line in pod.lines[-2:])])
