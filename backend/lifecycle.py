"""The routes `$connect` and `$disconnect`."""

import time
from collections.abc import Callable

from backend.log import about, logger
from backend.ports import MetricsSink
from backend.presence import Presence
from backend.records import Connection
from backend.sessions import Sessions


class Lifecycle:
    """What happens when a connection opens and when it has ended."""

    def __init__(self, sessions: Sessions, presence: Presence, metrics: MetricsSink) -> None:
        self._sessions = sessions
        self._presence = presence
        self._metrics = metrics

    def connect(self, connection: Connection, now: float, request_id: str | None = None) -> bool:
        """Give the connection its session. False when that failed: the handshake is to be refused, with a 5xx."""
        return self._run("$connect", "Connects", self._sessions.begin, connection, now, request_id)

    def disconnect(self, connection: Connection, now: float, request_id: str | None = None) -> bool:
        """Let go of the connection's session. False when that failed: the session then expires by itself."""
        return self._run("$disconnect", "Disconnects", self._presence.ended, connection, now, request_id)

    def _run(
        self,
        route: str,
        count: str,
        act: Callable[[Connection, float], None],
        connection: Connection,
        now: float,
        request_id: str | None,
    ) -> bool:
        started = time.perf_counter()
        errors = 0
        with about(self._sessions.origin(connection, route, request_id)):
            try:
                act(connection, now)
            except Exception:  # the edge: whatever it was, the host gets an answer and the log the trace
                logger.exception("route failed")
                errors = 1
        self._metrics.record(route, count, errors, (time.perf_counter() - started) * 1000)
        return not errors
