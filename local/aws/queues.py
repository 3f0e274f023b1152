"""Makes moto's SQS fit for several clients at once: they meet in threads, and moto locks next to nothing.

Without this, a message that is sent while another one is deleted can be lost, two clients that receive at once can get
the same message, and a client that waits at a FIFO queue whose groups are all in flight keeps a core busy. moto is
pinned exactly, and each queue has a lock already, which is a condition that waiting releases.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import moto.sqs.models
from moto.core.utils import unix_time_millis

if TYPE_CHECKING:
    from collections.abc import Callable

# moto's annotations are not strict.
_queue: Final[Any] = moto.sqs.models.Queue
_backend: Final[Any] = moto.sqs.models.SQSBackend


def install() -> None:
    """Put the stand-ins in place, in this process."""
    _queue.wait_for_messages = _wait_for_messages
    for name in ("add_message", "delete_message"):
        setattr(_queue, name, _locked(getattr(_queue, name), _itself))
    for name in ("receive_message", "change_message_visibility", "purge_queue"):
        setattr(_backend, name, _locked(getattr(_backend, name), _named))


def _locked(method: Callable[..., Any], queue_of: Callable[..., Any]) -> Callable[..., Any]:
    """The method under its queue's lock. Whoever waits there looks again afterwards."""

    @wraps(method)
    def locked(*arguments: Any, **named: Any) -> Any:
        queue = queue_of(*arguments, **named)
        with queue._messages_lock:  # noqa: SLF001 - a stand-in needs what it stands in for
            try:
                return method(*arguments, **named)
            finally:
                queue._messages_lock.notify_all()  # noqa: SLF001

    return locked


def _itself(queue: Any, *_: Any) -> Any:
    return queue


def _named(backend: Any, queue_name: str, *_: Any, **__: Any) -> Any:
    return backend.get_queue(queue_name)


def _wait_for_messages(queue: Any, timeout: float) -> None:
    """Until something has changed, the next hidden message can be seen, or `timeout` seconds have passed."""
    now = unix_time_millis()
    moments = (max(message.visible_at, message.delayed_until) for message in queue._messages)  # noqa: SLF001
    soonest = min((moment - now for moment in moments if moment > now), default=timeout * 1000)
    with queue._messages_lock:  # noqa: SLF001
        queue._messages_lock.wait(min(timeout, soonest / 1000 + 0.001))  # noqa: SLF001
