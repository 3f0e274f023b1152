"""Whether what has a number comes once, and in order."""

from __future__ import annotations

from typing import Literal

_REMEMBERED = 100_000  # missing numbers


class Order:
    """The numbers of one stream, from 1, as they arrive."""

    __slots__ = ("_epoch", "_highest", "_missing")

    def __init__(self) -> None:
        self._epoch, self._highest = 0, 0
        self._missing: set[int] = set()

    def arrived(self, number: int, epoch: int = 0) -> Literal["next", "overtaken", "repeated"]:
        """What this one is: the next or one further on, one that a later one overtook, or one that has been before."""
        if epoch > self._epoch:
            self._epoch, self._highest = epoch, 0
            self._missing.clear()
        if epoch == self._epoch and number > self._highest:
            if number - self._highest <= _REMEMBERED - len(self._missing):
                self._missing.update(range(self._highest + 1, number))
            self._highest = number
            return "next"
        if epoch == self._epoch and number in self._missing:
            self._missing.remove(number)
            return "overtaken"
        return "repeated"
