"""The threads in which a pod's backend calls AWS."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from backend.log import logger
from backend.ports import UnavailableError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

#: As many as botocore keeps connections for one client.
THREADS = 10


class Threads:
    """A pool that counts what it has to do. Everything but the work itself is done on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="backend")
        self.working = 0  # jobs that have not been done yet

    def submit(self, work: Callable[..., object], *arguments: object) -> None:
        """Run it in a thread. What it raises is logged."""
        self.working += 1
        self._pool.submit(work, *arguments).add_done_callback(self._done)

    def stop(self) -> None:
        """End the threads; what has not begun is left."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _done(self, future: Future[object]) -> None:
        if not future.cancelled():
            error = future.exception()
            if isinstance(error, UnavailableError):
                logger.warning("store unavailable", reason=str(error))
            elif error is not None:
                logger.error("work failed", exc_info=error)
            self._loop.call_soon_threadsafe(self._finished)

    def _finished(self) -> None:
        self.working -= 1
