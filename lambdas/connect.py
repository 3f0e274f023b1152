"""`$connect`: API Gateway answers the handshake only after this, and refuses it with any status that is not 2xx."""

import time
from typing import Any

from backend.lifecycle import Lifecycle
from backend.presence import Presence
from lambdas.environment import connection_of, metrics, state

lifecycle = Lifecycle(state.sessions, Presence(state.sessions, state.members), metrics)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Open the session of a new connection."""
    accepted = lifecycle.connect(connection_of(event), time.time())
    return {"statusCode": 200 if accepted else 500}
