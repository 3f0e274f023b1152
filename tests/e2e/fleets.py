"""What a running local cloud says of its pods, now, and what they say of themselves."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.processes import eventually

if TYPE_CHECKING:
    from pathlib import Path


def pods(folder: Path, fleet: int = 0) -> list[dict[str, Any]]:
    """Those of a fleet, the variant's own by default, as the ready file has them."""
    return list(json.loads((folder / "ready.json").read_text())["fleets"][fleet]["pods"])


def ready(folder: Path) -> list[dict[str, Any]]:
    """The variant's pods that take clients."""
    return [pod for pod in pods(folder) if pod["ready"]]


def figure(pod: dict[str, Any], name: str) -> float:
    """The sum of a metric over all its labels; 0 when the pod does not answer."""
    try:
        with urllib.request.urlopen(f"http://{pod['address']}:9090/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def connected(folder: Path, count: int) -> None:
    """Wait until so many are ready and hear one another."""
    eventually(
        lambda: len(ready(folder)) == count and all(figure(pod, "ws_bus_connected") for pod in ready(folder)),
        f"{count} pods with a bus",
    )
