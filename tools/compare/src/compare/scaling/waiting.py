"""Clients on their way back: at which tick, and after how many attempts."""

from __future__ import annotations

import math

from compare.scaling.scenario import Reconnect


class WaitingRoom:
    """Randomness is spread evenly: of clients that wait 0 to 30 seconds, half are back after 15."""

    def __init__(self, rules: Reconnect, period: float) -> None:
        self.count = 0
        self._rules = rules
        self._period = period
        # Once the delay has reached the cap it no longer matters how often a client has tried.
        self._most = max(math.ceil(math.log2(rules.backoff_cap_seconds / rules.backoff_base_seconds)), 0)
        self._due: dict[int, dict[int, int]] = {}

    def cut(self, tick: int, clients: int) -> None:
        """Connected clients that lost their socket: they come back within the jitter."""
        self._spread(tick, clients, 0, self._rules.jitter_seconds)

    def refused(self, tick: int, clients: int, attempt: int) -> None:
        """Clients that found no room: they wait a random part of the base, doubled with each attempt, up to the cap."""
        delay = min(self._rules.backoff_cap_seconds, self._rules.backoff_base_seconds * 2**attempt)
        self._spread(tick, clients, min(attempt + 1, self._most), delay)

    def due(self, tick: int) -> dict[int, int]:
        """Those who come at this tick: how many for each number of attempts."""
        found = self._due.pop(tick, {})
        self.count -= sum(found.values())
        return found

    def give_up(self, clients: int) -> None:
        """So many of the waiting clients no longer want a connection, those due last first."""
        self.count -= clients
        for tick in sorted(self._due, reverse=True):
            attempts = self._due[tick]
            for attempt in sorted(attempts, reverse=True):
                part = min(attempts[attempt], clients)
                attempts[attempt] -= part
                clients -= part
                if not clients:
                    return

    def _spread(self, tick: int, clients: int, attempt: int, seconds: float) -> None:
        if not clients:
            return
        self.count += clients
        ticks = max(math.ceil(seconds / self._period), 1)
        each, rest = divmod(clients, ticks)
        for index in range(ticks if each else rest):
            part = each + 1 if index < rest else each
            attempts = self._due.get(tick + 1 + index)
            if attempts is None:
                self._due[tick + 1 + index] = {attempt: part}
            else:
                attempts[attempt] = attempts.get(attempt, 0) + part
