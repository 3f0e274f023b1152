"""The log of functions and pods: JSON lines by Powertools, each with the message that it is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging import LogRecord

from aws_lambda_powertools import Logger

from backend.records import Origin

_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def _add_origin(record: LogRecord) -> bool:
    """Add the keys of the current message to a line."""
    origin = _current.get()
    if origin is not None:
        record.connection_id = origin.connection_id
        record.session_id = origin.session_id
        record.request_id = origin.request_id
        record.action = origin.action
    return True


def current_origin() -> Origin | None:
    """The message that this thread is answering, if it is answering one."""
    return _current.get()


#: The one logger of the application. Its lines carry `variant`, and `connection_id`, `session_id`, `request_id` and
#: `action` within `about`.
logger = Logger()
logger.addFilter(_add_origin)


@contextmanager
def about(origin: Origin | None) -> Iterator[None]:
    """Add what is known of a message to every line that this thread logs meanwhile."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)
