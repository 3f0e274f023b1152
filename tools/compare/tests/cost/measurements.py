"""Runs of `compare run` that measured something the model can use."""

from __future__ import annotations

from typing import Any

from ..report.runs import figure

ECHO = {
    "eks": {"backend.cpu_us_a_message": figure(400, 380, 450, "us of CPU a message")},
    "sockets": {"backend.cpu_us_a_message": figure(90, 81, 99, "us of CPU a message")},
    "lambda": {"backend.cpu_us_a_message": figure(900, 850, 1000, "us of CPU a message")},
}
IDLE = {
    "eks": {"backend.cpu_us_a_connect": figure(1400, 1300, 1500, "us of CPU a connect")},
    "sockets": {
        "backend.cpu_us_a_connect": figure(1500, 1400, 1700, "us of CPU a connect"),
        "backend.kib_a_socket": figure(20, 19, 22, "KiB a connection"),
    },
}


def run(kind: str, targets: dict[str, Any], *, where: str = "local cloud", **scenario: Any) -> dict[str, Any]:
    return {
        "format": "duplex-load/1",
        "scenario": {"kind": kind, "duration": 5.0, "message_bytes": 64, **scenario},
        "conditions": {"began": "2026-11-28T12:00:00+00:00", "system": "Linux"},
        "targets": [{"name": name, "where": where, "figures": found} for name, found in targets.items()],
    }
