"""`$disconnect`: sent after the close, best effort; its answer reaches nobody."""

import time
from typing import Any

from backend.lifecycle import Lifecycle
from backend.presence import Presence
from lambdas.environment import connection_of, metrics, state

lifecycle = Lifecycle(state.sessions, Presence(state.sessions, state.members), metrics)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Let go of the session of a connection that has ended."""
    done = lifecycle.disconnect(connection_of(event), time.time())
    return {"statusCode": 200 if done else 500}
