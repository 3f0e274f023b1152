"""What all functions share, made once an environment: Lambda gives this phase more CPU, and every event reuses it."""

import os
from typing import Any

from backend.emf import EmfMetrics
from backend.records import Connection
from backend.settings import Settings
from backend.state import State

settings = Settings.from_environment(os.environ)
metrics = EmfMetrics(settings.backend)
state = State(settings)


def connection_of(event: dict[str, Any]) -> Connection:
    """The connection of a WebSocket proxy event of any of the three types; `connectedAt` is in milliseconds.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
    """
    context = event["requestContext"]
    return Connection(
        id=context["connectionId"],
        connected_at=context["connectedAt"] / 1000,
        principal=(context.get("authorizer") or {}).get("principalId"),
    )
