"""The routes `$connect` and `$disconnect`."""

import time
from collections.abc import Callable

from aws_lambda_powertools import Logger

from backend.ports import MetricsSink
from backend.presence import Presence
from backend.records import Connection
from backend.sessions import Sessions

logger = Logger()


class Lifecycle:
    """What happens when a connection opens and when it has ended."""

    def __init__(self, sessions: Sessions, presence: Presence, metrics: MetricsSink) -> None:
        self._sessions = sessions
        self._presence = presence
        self._metrics = metrics

    def connect(self, connection: Connection, now: float) -> bool:
        """Give the connection its session. False when that failed: the handshake is to be refused, with a 5xx."""
        return self._run("$connect", "Connects", self._sessions.begin, connection, now)

    def disconnect(self, connection: Connection, now: float) -> bool:
        """Let go of the connection's session. False when that failed: the session then expires by itself."""
        return self._run("$disconnect", "Disconnects", self._presence.ended, connection, now)

    def _run(
        self, route: str, count: str, act: Callable[[Connection, float], None], connection: Connection, now: float
    ) -> bool:
        started = time.perf_counter()
        errors = 0
        try:
            act(connection, now)
        except Exception:  # the edge: whatever it was, the host gets an answer and the log the trace
            logger.exception("route failed", route=route)
            errors = 1
        latency = (time.perf_counter() - started) * 1000
        self._metrics.record(route, **{count: 1}, Errors=errors, Latency=latency)
        return not errors
