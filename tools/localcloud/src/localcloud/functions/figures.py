"""What Lambda's REPORT lines and Lambda Insights would say of a function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from localcloud.metrics import Metrics

_HEADINGS = ("function", "events", "errors", "cold", "init ms", "mean ms", "max ms", "billed ms", "MB used")


@dataclass(slots=True)
class Figures:
    """The sums of one function: durations in milliseconds, memory in MB.

    Sources of the names: "Types of metrics for Lambda functions", AWS Lambda Developer Guide, and "Metrics collected by
    Lambda Insights", Amazon CloudWatch User Guide, whose count of `init_duration` is that of cold starts.
    """

    function: str
    memory: int
    metrics: Metrics
    invocations: int = 0
    errors: int = 0
    cold_starts: int = 0
    init: float = 0.0
    duration: float = 0.0
    longest: float = 0.0
    billed: int = 0
    used: int = 0

    def started(self, concurrent: int) -> None:
        """An invocation has begun, as one of so many."""
        self.invocations += 1
        self._lambda("Invocations", "Count", 1)
        self._lambda("Throttles", "Count", 0)
        self._lambda("ConcurrentExecutions", "Count", concurrent)

    def throttled(self) -> None:
        """An event was refused for want of concurrency; it is no invocation."""
        self._lambda("Throttles", "Count", 1)

    def ended(self, milliseconds: float, *, failed: bool) -> None:
        """It has ended. Lambda bills by the millisecond, rounded up."""
        self.errors += failed
        self.duration += milliseconds
        self.longest = max(self.longest, milliseconds)
        self._lambda("Duration", "Milliseconds", milliseconds)
        self._lambda("Errors", "Count", failed)
        self._bill(milliseconds)

    def initialized(self, milliseconds: float) -> None:
        """A worker has loaded the function. Since August 2025 Lambda bills that too."""
        self.cold_starts += 1
        self.init += milliseconds
        self._insight("init_duration", "Milliseconds", milliseconds)
        self._insight("total_memory", "Megabytes", self.memory)
        self._bill(milliseconds)

    def sample(self, pids: Iterable[int]) -> None:
        """Look at the memory of its workers."""
        for megabytes in map(peak_memory, pids):
            if megabytes is not None:
                self.used = max(self.used, megabytes)
                self._insight("used_memory_max", "Megabytes", megabytes)

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

    def _bill(self, milliseconds: float) -> None:
        self.billed += math.ceil(milliseconds)
        self._insight("billed_duration", "Milliseconds", math.ceil(milliseconds))

    def _lambda(self, name: str, unit: str, value: float) -> None:
        self.metrics.add("AWS/Lambda", name, unit, (("FunctionName", self.function),), value)
        self.metrics.add("AWS/Lambda", name, unit, (), value)

    def _insight(self, name: str, unit: str, value: float) -> None:
        self.metrics.add("LambdaInsights", name, unit, (("function_name", self.function),), value)


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
