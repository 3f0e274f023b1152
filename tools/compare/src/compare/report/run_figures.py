"""The measured figures that a report's sentences use, from runs of `compare run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compare.report.ledger import Figure, Ledger

Run = Mapping[str, Any]

# By the kind of scenario: what it measures best.
_WANTED = {
    "echo": ("backend.cpu_us_a_message", "latency.echo.corrected.p50_ms", "latency.echo.corrected.p99_ms"),
    "idle": ("backend.kib_a_socket", "backend.cpu_us_a_connect"),
}
COUNTS = ("sent", "lost", "repeated", "unanswered")


def variants(runs: Sequence[Run]) -> list[str]:
    """The targets that were measured, in their order."""
    return list(dict.fromkeys(target["name"] for run in runs for target in run["targets"]))


def enter(ledger: Ledger, runs: Sequence[Run]) -> None:
    """Every wanted figure as `measured.TARGET.FIGURE`; the first run that has it counts."""
    for run in runs:
        kind = run["scenario"]["kind"]
        for target in run["targets"]:
            for name in _WANTED.get(kind, ()):
                key = f"measured.{target['name']}.{name}"
                if (found := target["figures"].get(name)) is not None and key not in ledger:
                    source = f"{kind}, target {target['name']}"
                    ledger.enter(key, _figure(found, source))
            hop = target["figures"].get("gateway.hop_ms")
            if hop is not None and "gateway.hop_ms" not in ledger:
                ledger.enter("gateway.hop_ms", _figure(hop, hop.get("source", "")))


def faults(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """What was lost, repeated or left unanswered in the runs that killed processes."""
    found = []
    for run in runs:
        if not run["scenario"].get("kill_seconds"):
            continue
        for target in run["targets"]:
            figures = target["figures"]
            count = {name: round(figures[f"messages.{name}"]["value"]) for name in COUNTS}
            accepted = figures.get("latency.accepted.corrected.count", {"value": 0})["value"]
            kills = round(figures.get("faults.kills", {"value": 0})["value"])
            found.append(
                {
                    "scenario": run["scenario"]["kind"],
                    "target": target["name"],
                    "messages": count["sent"],
                    "accepted": round(accepted),
                    "lost": count["lost"],
                    "repeated": count["repeated"],
                    "unanswered": count["unanswered"],
                    "kills": kills,
                    "patience": run["scenario"].get("patience", 0),
                }
            )
    return found


def _figure(found: Mapping[str, Any], source: str) -> Figure:
    return Figure(found["value"], found["unit"], found["basis"], found["low"], found["high"], source)
