"""Throttling by token buckets: the account's, the stage's default and the route's own.

Source: "Protect your WebSocket APIs in API Gateway", Amazon API Gateway Developer Guide. A rate or burst of 0 lets
nothing through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """Requests a second that go on for ever, and how many may come at once."""

    rate: float
    burst: int


ACCOUNT = Limit(10_000, 5_000)
"""The default quota of an account in most Regions."""


class Bucket:
    """Holds up to `burst` tokens, refilled at `rate` a second. Full at first."""

    __slots__ = ("_at", "_limit", "_tokens")

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._at = 0.0

    def ready(self, now: float) -> bool:
        """Whether there is a token to take at `now`, in seconds of any clock that does not go back."""
        limit = self._limit
        if now > self._at:
            self._tokens = min(float(limit.burst), self._tokens + (now - self._at) * limit.rate)
            self._at = now
        return self._tokens >= 1 and limit.rate > 0

    def take(self) -> None:
        """Take the token that `ready` has found."""
        self._tokens -= 1


class Throttle:
    """The buckets of one stage. Each route has one of its own, by its own limit or by the stage's default.

    On AWS the account's is shared with every API of the Region.
    """

    def __init__(
        self,
        account: Limit | None = ACCOUNT,
        default: Limit | None = None,
        routes: Mapping[str, Limit] | None = None,
    ) -> None:
        """`default` is the stage's DefaultRouteSettings, `routes` its RouteSettings; None is no limit."""
        self._account = None if account is None else Bucket(account)
        self._default = default
        self._limits = dict(routes or {})
        self._routes: dict[str, Bucket] = {}

    def admits(self, route: str | None, now: float) -> bool:
        """Whether a request may pass; `route` is None for an @connections call, which only the account limits.

        A request that one bucket refuses takes no token from another.
        """
        buckets = [bucket for bucket in (self._account, self._bucket(route)) if bucket is not None]
        if not all(bucket.ready(now) for bucket in buckets):
            return False
        for bucket in buckets:
            bucket.take()
        return True

    def _bucket(self, route: str | None) -> Bucket | None:
        limit = None if route is None else self._limits.get(route, self._default)
        if route is None or limit is None:
            return None
        if route not in self._routes:
            self._routes[route] = Bucket(limit)
        return self._routes[route]
