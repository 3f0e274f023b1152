"""CloudWatch Logs' memory: lines of the local cloud's access logs, put where moto answers reads from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.logs.models import LogsBackend, logs_backends

if TYPE_CHECKING:
    from collections.abc import Iterable

_STREAM = "local"


class LogStore:
    """Adds lines to log groups, which are made when the first one comes."""

    def __init__(self, account: str, region: str) -> None:
        self._backend: LogsBackend = logs_backends[account][region]

    def add(self, lines: Iterable[tuple[str, int, str]]) -> None:
        """Take in lines: the log group, when in epoch milliseconds, the text.

        moto's own PutLogEvents refuses times that are not about now, which virtual ones need not be.
        """
        for name, timestamp, text in lines:
            if name not in self._backend.groups:
                self._backend.create_log_group(name, {})
            group = self._backend.groups[name]
            if _STREAM not in group.streams:
                group.create_log_stream(_STREAM)
            group.put_log_events(_STREAM, [{"timestamp": timestamp, "message": text}])
