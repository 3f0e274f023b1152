"""How many connections there are: rows counted once a minute, less those whose connection is gone.

API Gateway has no such metric, and a counter would drift with every lost `$disconnect`. So the rows are counted that
say who holds which session, and of those not touched within the last minute a sample is asked for by GetConnection.
What is gone is let go of, and the share of it in the sample is taken off the rest.
"""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from backend.log import logger
from backend.ports import Gauges, Outbound, UnavailableError
from backend.presence import Presence
from backend.records import Member

#: Rows asked for at once, and in one run.
PARALLEL = 16
PROBES = 1000

#: A row that was touched within so many seconds counts without being asked for.
FRESH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A session that a connection holds, last touched at `seen`."""

    member: Member
    seen: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows that are a `share` of all there are, chosen at random: all of them when it is 1."""

    rows: Sequence[Row]
    share: float = 1.0


class Rows(Protocol):
    """Where the rows are. Raises UnavailableError."""

    def sample(self, now: float) -> Sample:
        """All live rows whose session is held, or as many as may be read."""


class Census:
    """Counts, and publishes the count as `ActiveConnections`."""

    def __init__(
        self, rows: Rows, presence: Presence, outbound: Outbound, gauges: Gauges, *, probes: int = PROBES
    ) -> None:
        self._rows = rows
        self._presence = presence
        self._outbound = outbound
        self._gauges = gauges
        self._probes = probes
        self._pool = ThreadPoolExecutor(PARALLEL)

    def run(self, now: float) -> None:
        """Count once. Nothing is published when that fails: a missing value is better than a wrong one."""
        sample = self._rows.sample(now)
        stale = [row for row in sample.rows if row.seen <= now - FRESH_SECONDS]
        asked = random.sample(stale, min(self._probes, len(stale)))
        answers = [answer for answer in self._pool.map(self._is_there, asked) if answer is not None]
        gone = answers.count(False)
        share_gone = gone / len(answers) if answers else 0.0
        active = (len(sample.rows) - len(stale) * share_gone) / sample.share
        if len(answers) < len(asked):
            logger.warning("connections not probed", count=len(asked) - len(answers))
        self._gauges.gauge(ActiveConnections=round(active), Gone=gone)

    def _is_there(self, row: Row) -> bool | None:
        try:
            if self._outbound.exists(row.member.connection_id):
                return True
            self._presence.gone(self._outbound, None, row.member)
        except UnavailableError:
            return None
        return False
