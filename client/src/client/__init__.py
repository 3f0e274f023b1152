"""The reference client: reconnects, resumes, fills gaps and drops repeats, as docs/client.md says in prose."""

from client.connection import Client
from client.errors import ClosedError, RefusedError, TakenOverError, UnansweredError
from client.events import Lost, Message, Result

__all__ = ["Client", "ClosedError", "Lost", "Message", "RefusedError", "Result", "TakenOverError", "UnansweredError"]
