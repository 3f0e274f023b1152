"""How fast one connection may send."""

from backend.recent import REMEMBERED, Recent


class Rates:
    """A token bucket a connection: `rate` messages a second, and as many at once. 0 allows everything.

    This host's alone: a connection whose messages reach several hosts gets as much from each. An exact limit would cost
    a write a message; behind this one stands the stage's throttle.
    """

    def __init__(self, rate: int, remembered: int = REMEMBERED) -> None:
        self._rate = rate
        self._buckets = Recent[tuple[float, float]](remembered)

    @property
    def rule(self) -> str:
        """What a client that is refused is told."""
        return f"a connection may send {self._rate} messages a second; wait a moment"

    def allow(self, connection_id: str, now: float) -> bool:
        """Whether one more message is allowed, which counts it."""
        if not self._rate:
            return True
        left, at = self._buckets.get(connection_id) or (float(self._rate), now)
        left = min(self._rate, left + max(now - at, 0) * self._rate)
        self._buckets.note(connection_id, (left - 1 if left >= 1 else left, now))
        return left >= 1
