"""The one clock of the local cloud: real time, or faster."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Key = TypeVar("Key")

_LEAST_TIMEOUT = 1.0  # real seconds
_STEP = 60.0  # real seconds


class Clock:
    """Virtual time: it starts at the real time and runs `scale` times as fast.

    Timeouts, idle and lifetime limits, the TTL sweep and the stamps of metrics go by it. Functions see it in
    `time.time()`; what else they ask, `datetime` for instance, tells real time.
    """

    def __init__(self, scale: float = 1.0, started: float | None = None) -> None:
        self.scale = scale
        self.started = time.time() if started is None else started

    def now(self) -> float:
        """Virtual epoch seconds."""
        return self.started + (time.time() - self.started) * self.scale

    def real(self, moment: float) -> float:
        """Real epoch seconds, of a moment in virtual ones."""
        return self.started + (moment - self.started) / self.scale

    def call_later(self, seconds: float, callback: Callable[..., object], *arguments: object) -> asyncio.TimerHandle:
        """As the event loop's `call_later`, in virtual seconds.

        A timeout never comes before a real second has passed, unless it is shorter itself: what it guards takes its
        real milliseconds, however fast the clock runs.
        """
        return asyncio.get_running_loop().call_later(self.timeout(seconds), callback, *arguments)

    def timeout(self, seconds: float) -> float:
        """A timeout of so many virtual seconds in real ones."""
        return max(seconds / self.scale, min(seconds, _LEAST_TIMEOUT))

    async def sleep(self, seconds: float) -> None:
        """Return in so many virtual seconds, but never before a real second has passed, unless they are fewer."""
        await asyncio.sleep(self.timeout(seconds))

    async def sleep_until(self, moment: float) -> None:
        """Return at a moment in virtual epoch seconds, or at once when it has passed.

        In steps, since the loop's time and the clock's part when the machine sleeps or its clock is set.
        """
        while (seconds := (moment - self.now()) / self.scale) > 0:  # noqa: ASYNC110 - nothing but time has to happen
            await asyncio.sleep(min(seconds, _STEP))


class Timeouts(Generic[Key]):
    """Timeouts of one length, most of which never come: one timer of the event loop serves them all."""

    def __init__(self, clock: Clock, seconds: float, passed: Callable[[Key], object]) -> None:
        """`passed` is called with the key of each that has passed; `seconds` are virtual ones."""
        self._seconds = clock.timeout(seconds)
        self._passed = passed
        self._ends: dict[Key, float] = {}  # in the order in which they come
        self._timer: asyncio.TimerHandle | None = None

    def start(self, key: Key) -> None:
        """Begin one, which has not begun yet."""
        loop = asyncio.get_running_loop()
        end = self._ends[key] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(end, self._due)

    def stop(self, key: Key) -> None:
        """End one before it passes, if it has not."""
        self._ends.pop(key, None)

    def _due(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._ends:
            key, end = next(iter(self._ends.items()))
            if end > loop.time():
                self._timer = loop.call_at(end, self._due)
                return
            del self._ends[key]
            self._passed(key)
