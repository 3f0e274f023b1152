"""What Lambda's REPORT lines and Lambda Insights would say of a function."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from localcloud.clock import Clock
    from localcloud.metrics import Metrics, Series

_HEADINGS = ("function", "events", "errors", "cold", "init ms", "mean ms", "max ms", "billed ms", "MB used")


class FunctionMetrics:
    """What one function did: its sums, durations in milliseconds and memory in MB, and what CloudWatch is told.

    Sources of the names: "Types of metrics for Lambda functions", AWS Lambda Developer Guide, and "Metrics collected by
    Lambda Insights", Amazon CloudWatch User Guide, whose count of `init_duration` is that of cold starts.
    """

    def __init__(self, function: str, memory: int, metrics: Metrics, clock: Clock) -> None:
        self._clock = clock
        self.memory = memory
        self.invocations = 0
        self.errors = 0
        self.cold_starts = 0
        self.init = 0.0
        self.duration = 0.0
        self.longest = 0.0
        self.billed = 0
        self.used = 0

        def of_lambda(name: str, unit: str) -> Series:
            return metrics.series("AWS/Lambda", name, unit, (("FunctionName", function),), ())

        def insight(name: str, unit: str) -> Series:
            return metrics.series("LambdaInsights", name, unit, (("function_name", function),))

        self._invocations = of_lambda("Invocations", "Count")
        self._throttles = of_lambda("Throttles", "Count")
        self._concurrent = of_lambda("ConcurrentExecutions", "Count")
        self._duration = of_lambda("Duration", "Milliseconds")
        self._errors = of_lambda("Errors", "Count")
        self._init_duration = insight("init_duration", "Milliseconds")
        self._total_memory = insight("total_memory", "Megabytes")
        self._used_memory = insight("used_memory_max", "Megabytes")
        self._billed_duration = insight("billed_duration", "Milliseconds")

    def started(self, concurrent: int) -> None:
        """An invocation has begun, as one of so many."""
        now = self._clock.now()
        self.invocations += 1
        self._invocations.add(1, now)
        self._throttles.add(0, now)
        self._concurrent.add(concurrent, now)

    def throttled(self) -> None:
        """An event was refused for want of concurrency; it is no invocation."""
        self._throttles.add(1, self._clock.now())

    def ended(self, milliseconds: float, *, failed: bool) -> None:
        """It has ended. Lambda bills by the millisecond, rounded up."""
        now = self._clock.now()
        self.errors += failed
        self.duration += milliseconds
        self.longest = max(self.longest, milliseconds)
        self._duration.add(milliseconds, now)
        self._errors.add(failed, now)
        self._bill(milliseconds, now)

    def initialized(self, milliseconds: float) -> None:
        """A worker has loaded the function. Since August 2025 Lambda bills that too."""
        now = self._clock.now()
        self.cold_starts += 1
        self.init += milliseconds
        self._init_duration.add(milliseconds, now)
        self._total_memory.add(self.memory, now)
        self._bill(milliseconds, now)

    def sample(self, pids: Iterable[int]) -> None:
        """Look at the memory of its workers."""
        for megabytes in map(peak_memory, pids):
            if megabytes is not None:
                self.used = max(self.used, megabytes)
                self._used_memory.add(megabytes, self._clock.now())

    def row(self, label: str) -> tuple[str, ...]:
        """The function's line of the table."""
        mean = self.duration / self.invocations if self.invocations else 0.0
        init = self.init / self.cold_starts if self.cold_starts else 0.0
        counts = (self.invocations, self.errors, self.cold_starts)
        return (
            label,
            *map(str, counts),
            f"{init:.0f}",
            f"{mean:.1f}",
            f"{self.longest:.1f}",
            str(self.billed),
            str(self.used),
        )

    def _bill(self, milliseconds: float, now: float) -> None:
        whole = math.ceil(milliseconds)
        self.billed += whole
        self._billed_duration.add(whole, now)


def table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Lines that fit a terminal, numbers to the right."""
    lines = [_HEADINGS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells)


def peak_memory(pid: int) -> int | None:
    """The most memory a process has used, in MB; None when it is gone, or on systems that do not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(line.split()[1]) // 1024 if line else None
