"""The ways to run the backend that are compared: their names, their order, and what reports say of each.

What a variant costs is in compare.cost.lines, and how it scales in compare.report.rush, under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run the backend."""

    colour: int  # its number in compare.pages.palette
    terminal: str  # its colour on a terminal
    operated: str  # what there is to look after
    units: str = ""  # what it is scaled in, such as pods; functions have none
    gateway: bool = True  # API Gateway holds the sockets; without it, the units do


VARIANTS: Final[Mapping[str, Variant]] = {
    "lambda": Variant(0, "yellow", "there is no server to look after: functions, a table and a WebSocket API"),
    "eks": Variant(1, "magenta", "a cluster with its upgrades, nodes, KEDA and pods behind a balancer", units="pods"),
    "sockets": Variant(
        2,
        "blue",
        "the same cluster, and pods that hold the sockets: a deployment moves every client",
        units="pods",
        gateway=False,
    ),
    "ecs": Variant(3, "green", "tasks on Fargate behind a balancer, and a policy that scales them", units="tasks"),
}
