"""The largest or smallest value of a sliding window."""

from __future__ import annotations

from collections import deque


class Extreme:
    """The largest (sign 1) or smallest (sign -1) value of the last `seconds`, in constant time a step.

    A value exactly one window old is outside, as in the Kubernetes controller's stabilizeRecommendationWithBehaviors;
    in a closed window, which is that of its stabilizeRecommendation, it is still inside.
    """

    def __init__(self, seconds: float, sign: int, *, closed: bool = False) -> None:
        self._seconds = seconds
        self._sign = sign
        self._closed = closed
        self._kept: deque[tuple[float, int]] = deque()  # values fall from left to right: the first is the extreme

    def add(self, now: float, value: int) -> None:
        signed = value * self._sign
        while self._kept and self._kept[-1][1] <= signed:
            self._kept.pop()
        self._kept.append((now, signed))

    def with_value(self, now: float, value: int) -> int:
        """The extreme of what the window holds and one value more."""
        kept = self._kept
        while kept and (now - kept[0][0] > self._seconds or (now - kept[0][0] == self._seconds and not self._closed)):
            kept.popleft()
        signed = value * self._sign
        return max(kept[0][1], signed) * self._sign if kept else value
