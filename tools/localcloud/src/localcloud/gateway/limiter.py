"""What one API may take: the account's throttle, the stage's and its routes', and the rate of new connections.

Source: "Protect your WebSocket APIs in API Gateway", Amazon API Gateway Developer Guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.gateway.selection import CONNECT
from localcloud.gateway.throttle import Bucket, Limit, Throttle

if TYPE_CHECKING:
    from localcloud.gateway.model import Api


class Limiter:
    """The buckets of one API, full when first asked. On AWS the account's is shared with every API of the Region."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._buckets: tuple[Throttle, Bucket] | None = None

    def connect(self, now: float) -> bool:
        """Whether a handshake may pass."""
        throttle, handshakes = self._ready(now)
        if not handshakes.ready(now) or not throttle.admits(CONNECT, now):
            return False
        handshakes.take()
        return True

    def message(self, route_key: str, now: float) -> bool:
        """Whether a message of this route may pass."""
        return self._ready(now)[0].admits(route_key, now)

    def callback(self, now: float) -> bool:
        """Whether an @connections call may pass."""
        return self._ready(now)[0].admits(None, now)

    def _ready(self, now: float) -> tuple[Throttle, Bucket]:
        if self._buckets is None:
            api, limits = self._api, self._api.limits
            account = Limit(limits.account_rate, limits.account_burst)
            throttle = Throttle(now, account, api.default_limit, api.route_limits)
            self._buckets = throttle, Bucket(Limit(limits.connect_rate, limits.connect_rate), now)
        return self._buckets
