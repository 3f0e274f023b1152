"""What all functions share, made once an environment: Lambda gives this phase more CPU, and every event reuses it."""

import os

from backend.application import Application
from backend.emf import EmfMetrics
from backend.records import Connection
from backend.settings import Settings
from lambdas.events import WebSocketEvent

settings = Settings.from_environment(os.environ)
metrics = EmfMetrics(settings.backend)
application = Application(settings, metrics)


def connection_of(event: WebSocketEvent) -> Connection:
    """The connection of a WebSocket proxy event of any of the three types; `connectedAt` is in milliseconds."""
    context = event["requestContext"]
    return Connection(
        id=context["connectionId"],
        connected_at=context["connectedAt"] / 1000,
        principal=(context.get("authorizer") or {}).get("principalId"),
    )
