"""Traffic: how many clients want a connection, as a step function of time."""

from __future__ import annotations

import csv
import io
import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from autoscaling.spec import Seconds, Spec, SpecError

MAX_POINTS = 2_000_000
MAX_CONNECTIONS = 1_000_000_000
MAX_CSV_BYTES = 128 * 2**20
#: A CSV comes from something that samples at a steady pace; a step so many times longer than the usual one is a hole.
GAP = 5

Time = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0, le=MAX_CONNECTIONS)] | Annotated[float, Meta(ge=0, le=MAX_CONNECTIONS)]
Points = Annotated[tuple[tuple[Time, Count], ...], Meta(min_length=1, max_length=MAX_POINTS)]
Level = Annotated[int, Meta(ge=0, le=MAX_CONNECTIONS)]


@dataclass(frozen=True)
class Trace:
    """Times, rising from 0, and the value from each on. `length` is where the last step ends."""

    times: Sequence[float]
    values: Sequence[float]
    length: int = 0

    @staticmethod
    def of(points: Sequence[tuple[float, float]], where: str = "metric") -> Trace:
        """Raises SpecError when the points do not begin at 0 or are out of order."""
        if points[0][0] != 0:
            raise SpecError(f"{where}[0]", "must begin at 0 seconds")
        for index in range(1, len(points)):
            if points[index][0] <= points[index - 1][0]:
                raise SpecError(f"{where}[{index}]", "is not later than the one before")
        return Trace(times=[point[0] for point in points], values=[point[1] for point in points])


class Cursor:
    """Reads a trace forward: each time asked for is no earlier than the last."""

    def __init__(self, trace: Trace) -> None:
        self._times = trace.times
        self._values = trace.values
        self._next = 1

    def at(self, time: float) -> float:
        """The value at a time; before the trace begins it is the first one."""
        times, index = self._times, self._next
        while index < len(times) and times[index] <= time:
            index += 1
        self._next = index
        return self._values[index - 1]


class Diurnal(Spec, frozen=True, kw_only=True, tag_field="generate", tag="diurnal"):
    """A day's wave, over and over: the least at `lowAtSeconds`, the most half a day later."""

    low: Level
    high: Level
    low_at_seconds: Seconds = 4 * 3600
    step_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60

    def trace(self, duration: int) -> Trace:
        times = range(0, duration, self.step_seconds)
        middle, swing = (self.high + self.low) / 2, (self.high - self.low) / 2
        turn = 2 * math.pi / 86_400
        return _generated(times, [round(middle - swing * math.cos((t - self.low_at_seconds) * turn)) for t in times])

    def cuts(self) -> tuple[tuple[float, float], ...]:
        return ()


class Spike(Spec, frozen=True, kw_only=True, tag_field="generate", tag="spike"):
    """From a base to a peak in a straight line, and back."""

    base: Level
    peak: Level
    at_seconds: Seconds
    rise_seconds: Seconds = 60
    hold_seconds: Seconds = 600
    fall_seconds: Seconds = 600
    step_seconds: Annotated[int, Meta(ge=1, le=3600)] = 5

    def trace(self, duration: int) -> Trace:
        top = self.at_seconds + self.rise_seconds
        end = top + self.hold_seconds
        times = range(0, duration, self.step_seconds)
        return _generated(
            times, [round(self.base + (self.peak - self.base) * self._height(t, top, end)) for t in times]
        )

    def _height(self, t: float, top: float, end: float) -> float:
        if t < top:
            return max(1 - (top - t) / self.rise_seconds, 0) if self.rise_seconds else 0
        if t < end:
            return 1
        return max(1 - (t - end) / self.fall_seconds, 0) if self.fall_seconds else 0

    def cuts(self) -> tuple[tuple[float, float], ...]:
        return ()


class Deploy(Spec, frozen=True, kw_only=True, tag_field="generate", tag="deploy"):
    """A steady level; a rolling update cuts every socket once, in equal `waves` spread over `overSeconds`."""

    level: Level
    at_seconds: Seconds
    over_seconds: Seconds = 300
    waves: Annotated[int, Meta(ge=1, le=10_000)] = 10

    def trace(self, duration: int) -> Trace:
        return _generated(range(0, duration, duration), [self.level])

    def cuts(self) -> tuple[tuple[float, float], ...]:
        # Those who come back land on new pods: a wave hits its share of what is still on old ones, as a share of all.
        pause = self.over_seconds / self.waves
        return tuple((self.at_seconds + index * pause, 1 / self.waves) for index in range(self.waves))


class ReconnectStorm(Spec, frozen=True, kw_only=True, tag_field="generate", tag="reconnect-storm"):
    """A steady level; at one moment a part of all sockets is cut, as when a load balancer or a network fails."""

    level: Level
    at_seconds: Seconds
    fraction: Annotated[float, Meta(gt=0, le=1)] = 1.0

    def trace(self, duration: int) -> Trace:
        return _generated(range(0, duration, duration), [self.level])

    def cuts(self) -> tuple[tuple[float, float], ...]:
        return ((self.at_seconds, self.fraction),)


Generated = Diurnal | Spike | Deploy | ReconnectStorm


def read_csv(path: Path, where: str) -> Trace:
    """Two columns, seconds and connections, with or without a header; the first row's time becomes 0.

    Raises SpecError with the line: a cell that is no number or empty, disorder, a gap.
    """
    try:
        if path.stat().st_size > MAX_CSV_BYTES:
            raise SpecError(where, f"larger than {MAX_CSV_BYTES // 2**20} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(where, getattr(error, "strerror", None) or "is not UTF-8 text") from None
    rows = [(line, row) for line, row in enumerate(csv.reader(io.StringIO(text)), 1) if row]
    if rows and not _is_number(rows[0][1][0]):
        rows = rows[1:]
    if len(rows) < 2:
        raise SpecError(where, "has fewer than two rows")
    if len(rows) > MAX_POINTS:
        raise SpecError(where, f"has more than {MAX_POINTS:,} rows")
    points = [_point(row, f"{where} line {line}") for line, row in rows]
    steps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(points)]
    for (line, _), step in zip(rows[1:], steps, strict=True):
        if step <= 0:
            raise SpecError(f"{where} line {line}", "is not later than the line before")
    usual = statistics.median_low(steps)
    for (line, _), step in zip(rows[1:], steps, strict=True):
        if step > GAP * usual:
            raise SpecError(
                f"{where} line {line}", f"a gap of {step:g} s before it, rows are {usual:g} s apart; fill it"
            )
    start = points[0][0]
    return Trace(
        times=[time - start for time, _ in points],
        values=[value for _, value in points],
        length=math.ceil(points[-1][0] - start + usual),
    )


def _point(row: list[str], where: str) -> tuple[float, float]:
    if len(row) != 2:
        raise SpecError(where, f"has {len(row)} columns, not 2: seconds and connections")
    if not _is_number(row[0]) or not _is_number(row[1]):
        raise SpecError(where, f"not two numbers: {','.join(row)[:60]!r}")
    time, value = float(row[0]), float(row[1])
    if not 0 <= value <= MAX_CONNECTIONS:
        raise SpecError(where, f"connections must be 0 to {MAX_CONNECTIONS:,}")
    return time, int(value) if value.is_integer() else value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _generated(times: Sequence[int], values: list[int]) -> Trace:
    if len(times) > MAX_POINTS:
        raise SpecError("metric.stepSeconds", f"makes more than {MAX_POINTS:,} points")
    return Trace(times=times, values=values)
