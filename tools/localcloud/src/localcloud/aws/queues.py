"""Makes moto's SQS fit for several clients at once: they meet in threads, and moto locks next to nothing.

Without this, two clients that receive at once can get the same message, one that is deleted while another is sent can
come back, or the other way round be lost; and a client that waits at a FIFO queue whose message groups are all in
flight keeps a core busy, and does not see that one of them is free again. moto is pinned exactly, and each queue has a
lock already: a condition, which waiting releases.
"""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import moto.sqs.models
from moto.core.utils import unix_time_millis

if TYPE_CHECKING:
    from collections.abc import Callable

# moto's annotations are not strict.
_queue: Final[Any] = moto.sqs.models.Queue
_backend: Final[Any] = moto.sqs.models.SQSBackend
_receive_now: Final[Any] = _backend.receive_message

CHANGED: Final = {_queue: ("add_message", "delete_message"), _backend: ("change_message_visibility", "purge_queue")}
_LONGEST_WAIT = 1.0  # seconds between two looks, whatever happens


def install() -> None:
    """Put the stand-ins in place, in this process."""
    _backend.receive_message = _receive_message
    for holder, names in CHANGED.items():
        for name in names:
            setattr(holder, name, _locked(getattr(holder, name)))


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method of a queue, or of a backend with a queue's name, under the queue's lock. Who waits there looks again
    afterwards."""

    @wraps(method)
    def locked(holder: Any, *arguments: Any, **named: Any) -> Any:
        queue = holder
        if isinstance(holder, _backend):
            queue = holder.get_queue(named["queue_name"] if "queue_name" in named else arguments[0])
        with queue._messages_lock:  # noqa: SLF001 - a stand-in needs what it stands in for
            try:
                return method(holder, *arguments, **named)
            finally:
                queue._messages_lock.notify_all()  # noqa: SLF001

    return locked


def _receive_message(backend: Any, queue_name: str, count: int, wait: float, *arguments: Any, **named: Any) -> Any:
    """What there is, or what comes within `wait` seconds."""
    queue = backend.get_queue(queue_name)
    end = time.monotonic() + wait
    with queue._messages_lock:  # noqa: SLF001
        while True:
            messages = _receive_now(backend, queue_name, count, 0, *arguments, **named)
            left = end - time.monotonic()
            if messages or left <= 0:
                return messages
            queue._messages_lock.wait(min(left, _until_visible(queue), _LONGEST_WAIT))  # noqa: SLF001


def _until_visible(queue: Any) -> float:
    """Seconds until the next hidden message can be seen."""
    now = unix_time_millis()
    moments = (max(message.visible_at, message.delayed_until) for message in queue._messages)  # noqa: SLF001
    return min((moment - now for moment in moments if moment > now), default=float("inf")) / 1000 + 0.001
