"""Small documents of `compare run`, as if two variants had been measured."""

from __future__ import annotations

from typing import Any


def figure(value: float, low: float | None = None, high: float | None = None, unit: str = "us") -> dict[str, Any]:
    """A measured one, or with `low` and `high` as they are over the rounds."""
    ends = {"low": value if low is None else low, "high": value if high is None else high}
    return {"value": value, "unit": unit, "basis": "measured", **ends}


FIGURES: dict[str, dict[str, Any]] = {
    "echo": {"backend.cpu_us_a_message": figure(310, 300, 330), "latency.echo.corrected.p50_ms": figure(2.5)},
    "idle": {"backend.kib_a_socket": figure(11, 9, 12, "KiB a connection")},
    "mixed": {
        "messages.sent": figure(200),
        "messages.lost": figure(0),
        "messages.repeated": figure(3),
        "messages.unanswered": figure(1),
        "latency.accepted.corrected.count": figure(40),
        "faults.kills": figure(4),
    },
}


def run(kind: str, names: tuple[str, ...] = ("lambda", "eks"), **scenario: Any) -> dict[str, Any]:
    """The parts of a run's document that reports read."""
    hop = {"value": 15, "unit": "ms", "basis": "assumed", "low": 5, "high": 50, "source": "assumption"}
    return {
        "format": "duplex-load/1",
        "complete": True,
        "failures": [],
        "scenario": {"kind": kind, "connections": 50, **scenario},
        "conditions": {"began": "2026-11-28T12:00:00+00:00", "rounds": 3, "cores": 2, "system": "Linux x86_64"},
        "targets": [
            {"name": name, "where": "local cloud", "figures": FIGURES[kind] | {"gateway.hop_ms": hop}} for name in names
        ],
    }
