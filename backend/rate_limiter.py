"""How fast one connection may send."""

from backend.lru_cache import REMEMBERED

_INEXACT = 0.001


class RateLimiter:
    """A token bucket a connection: `rate` messages a second, and as many at once. 0 allows everything.

    This host's alone: a connection whose messages reach several hosts gets as much from each. An exact limit would cost
    a write a message; behind this one stands the stage's throttle.

    A bucket is the time at which it is full again; one that is full need not be remembered.
    """

    def __init__(self, rate: int, remembered: int = REMEMBERED) -> None:
        """More than `remembered` connections make it look for those that have been silent for a second."""
        self._rate = rate
        self._seconds = 1 / rate if rate else 0.0  # a message
        # With more to go until it is full, less than a token is left. Clocks and sums of them are not exact.
        self._longest = 1 - self._seconds + min(self._seconds / 2, _INEXACT)
        self._least = self._most = remembered
        self._full_at: dict[str, float] = {}

    @property
    def rule(self) -> str:
        """What a client that is refused is told."""
        return f"a connection may send {self._rate} messages a second; wait a moment"

    def allow(self, connection_id: str, now: float) -> bool:
        """Whether one more message is allowed, which counts it."""
        if not self._rate:
            return True
        full_at = self._full_at.get(connection_id, now)
        if full_at <= now:
            full_at = now
        elif full_at - now > self._longest:
            if full_at - now > 1 + _INEXACT:  # the clock has gone back: an empty bucket, as from now
                self._full_at[connection_id] = now + 1
            return False
        self._full_at[connection_id] = full_at + self._seconds
        if len(self._full_at) > self._most:
            self._forget(now)
        return True

    def _forget(self, now: float) -> None:
        """Drop the full ones. What another thread notes meanwhile may be lost: a message too many, nothing else."""
        self._full_at = {one: full_at for one, full_at in list(self._full_at.items()) if full_at > now}
        self._most = max(self._least, 2 * len(self._full_at))  # so that looking costs each message nothing
