"""What a run shows on stderr while it lasts, and how it is stopped."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from compare.load.rounds import Round
from compare.load.scenario import Scenario

STOPPED = 130  # the status that a shell has for a command that Ctrl-C ended


def status(console: Console, text: str) -> AbstractContextManager[object]:
    """Says what is being waited for, on a terminal."""
    return console.status(text) if console.is_terminal else nullcontext()


@contextmanager
def until_stopped() -> Iterator[asyncio.Event]:
    """The first signal ends the block, and sets the event; more of them do not disturb the clearing up."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are in one
    stopped = asyncio.Event()

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    with suppress(asyncio.CancelledError):
        yield stopped


class Bar:
    """How far the run is: a bar on a terminal's stderr, else a line a round."""

    def __init__(self, console: Console, scenario: Scenario, rounds: int) -> None:
        self._console, self._scenario, self._rounds = console, scenario, rounds
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._seen: list[Round] = []
        self._task = self._progress.add_task("", total=scenario.duration * rounds)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, now: Round, phase: str, told: dict[str, int]) -> None:
        """A round has come so far."""
        if now not in self._seen:
            self._seen.append(now)
            if not self._console.is_terminal:
                line = f"round {len(self._seen)} of {self._rounds}: {now.target.name}"
                self._console.print(line, highlight=False, soft_wrap=True)
        text = f"{len(self._seen)}/{self._rounds} {now.target.name}: {phase}, {told.get('open', 0)} open"
        segments = sum(seconds * (start + end) / 2 for seconds, start, end in self._scenario.segments)
        turns = told.get("connects" if self._scenario.kind == "storm" else "turns", 0)
        share = min(1.0, turns / segments) if segments else 0.0
        done = (len(self._seen) - 1 + share) * self._scenario.duration
        self._progress.update(self._task, description=text[:60], completed=done)
