"""When things are to happen: the turns of an open loop, which nothing that the server does can delay."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence


def turns(segments: Sequence[tuple[float, float, float]], first: float = 0, step: float = 1) -> Iterator[float]:
    """The times, in seconds from the beginning, of the turns number `first`, `first + step`, ...

    `segments` are (seconds, turns a second at the beginning, at the end), linear in between. Several senders
    that each take every n-th turn make the same load as one that takes them all.
    """
    wanted, before, begins = first, 0.0, 0.0
    for seconds, start, end in segments:
        within = seconds * (start + end) / 2
        while wanted < before + within - 1e-9:
            yield begins + _when(wanted - before, seconds, start, end)
            wanted += step
        before, begins = before + within, begins + seconds


def _when(count: float, seconds: float, start: float, end: float) -> float:
    """When so many turns have passed: start t + (end - start) / (2 seconds) t^2 = count, without cancellation."""
    if count <= 0:
        return 0.0
    return 2 * count / (start + math.sqrt(max(0.0, start * start + 2 * (end - start) / seconds * count)))
