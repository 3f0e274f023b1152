"""A cache of what a host knows about its connections."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

#: Connections, unless a host says how many it has.
REMEMBERED = 10_000


class LruCache(Generic[T]):
    """Values by connection id. Beyond `limit` connections, the one that was noted least recently is dropped: that costs
    a call to the store, and nothing else."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._values: OrderedDict[str, T] = OrderedDict()
        self._lock = Lock()  # a host may answer many messages at once

    def get(self, connection_id: str) -> T | None:
        """What is known."""
        return self._values.get(connection_id)

    def note(self, connection_id: str, value: T) -> None:
        """Remember it."""
        with self._lock:
            self._values[connection_id] = value
            self._values.move_to_end(connection_id)
            if len(self._values) > self._limit:
                self._values.popitem(last=False)

    def forget(self, connection_id: str) -> None:
        """Drop a connection that has ended, or what was wrong."""
        with self._lock:
            self._values.pop(connection_id, None)
