"""Documents of `compare run` with everything in them, from made-up rounds and the code that writes real ones."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache
from typing import Any

from compare.load import document
from compare.load.measures import Measures, Request
from compare.load.rounds import Round
from compare.load.scenario import load
from compare.load.senders import Sent
from compare.load.servers import Sample, Usage
from compare.load.slo import parse
from compare.load.targets import Target

NAMES = ("lambda", "eks")
_ANSWERS = {"echo": ("echo",), "idle": ("pong",), "mixed": ("delivered", "accepted", "result", "pong")}
_COUNT = 60  # answers of each kind a round


def run(
    kind: str = "echo", names: Sequence[str] = NAMES, rounds: int = 3, slower: float = 1.0, **changes: Any
) -> dict[str, Any]:
    """As `compare run KIND --json` writes it; each target is half as slow again as the one before it."""
    return copy.deepcopy(_run(kind, tuple(names), rounds, slower)) | changes


@cache
def _run(kind: str, names: tuple[str, ...], rounds: int, slower: float) -> dict[str, Any]:
    targets = [Target(name, f"ws://127.0.0.1:4001/{place}") for place, name in enumerate(names)]
    made = [
        _round(target, number, kind, slower * 1.5**place)
        for place, target in enumerate(targets)
        for number in range(rounds)
    ]
    ended = document.Run(load(kind), targets, made, rounds, 1, parse("p99=1ms"), began=1_795_880_000.0)
    return document.document(ended)


def _round(target: Target, number: int, kind: str, slow: float) -> Round:
    found = Measures()
    found.counts.update({"connects": 40, "connected": 40, "open at begin": 40, "open at end": 40})
    for name in ("connect", *_ANSWERS[kind]):
        for place in range(_COUNT):
            due = float(place)
            late = 0.15 if place % 20 == 0 else 0.0  # a stall: in the corrected times
            seconds = 0.002 * slow * (1 + place / 30) * (1 + number / 100)
            found.answered(name, Request(due, due + late, serial=True), due + late + seconds)
    found.counts.update({"sent": _COUNT, "answered": _COUNT, "deliveries": 3, "repeated": 1})
    found.errors["timeout"] = 2
    ready = Usage(2, 110 + 5 * slow, 2)
    usages = [Usage(1, 100, 2), ready, ready, Usage(3 + slow, 120, 2)]
    samples = [Sample(one, Usage(one.cpu / 2, one.mib / 2, 1)) for one in usages]
    return Round(
        target, number, 0.0, Sent(found, [(1.0, 5.0)]), samples, 5.0, whole=True, units={"read": 30.0, "write": 90.0}
    )
