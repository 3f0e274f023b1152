"""What a simulation comes to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Connections:
    """Where connections came from and went. Every attempt is an arrival: accepted, refused or throttled.

    arrivals = accepted + refused + throttled; accepted = held + left + dropped + drained + cut.
    """

    arrivals: int = 0
    accepted: int = 0
    refused: int = 0
    throttled: int = 0
    left: int = 0
    dropped: int = 0
    drained: int = 0
    cut: int = 0
    held: int = 0
    waiting: int = 0


@dataclass
class Requests:
    """Messages and the callbacks they cause, and what the gateway or Lambda turned away."""

    offered: float = 0.0
    throttled: float = 0.0
    cold_starts: int = 0
    cold_start_seconds: float = 0.0


@dataclass
class Simulation:
    """What became of it: columns with one value a tick, and totals."""

    name: str
    kind: str
    period: int
    duration: int
    metric: list[float] = field(default_factory=list)
    desired: list[int] = field(default_factory=list)
    replicas: list[int] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    connections: Connections = field(default_factory=Connections)
    requests: Requests = field(default_factory=Requests)
    pod_seconds: int = 0
    draining_pod_seconds: float = 0.0
    node_seconds: float = 0.0
    cost: float | None = None

    @property
    def peak(self) -> int:
        return max(self.replicas)
