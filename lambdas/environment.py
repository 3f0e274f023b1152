"""What the functions share, made once an environment: Lambda gives this phase more CPU, and every event reuses it."""

import os
from typing import Any

from backend import aws
from backend.dynamodb import DynamoDBStore
from backend.emf import EmfMetrics
from backend.records import Connection
from backend.sessions import Sessions
from backend.settings import Settings

settings = Settings.from_environment(os.environ)
metrics = EmfMetrics(settings.backend)
sessions = Sessions(
    DynamoDBStore(aws.dynamodb(), settings.table_name),
    session_seconds=settings.session_seconds,
    touch_seconds=settings.touch_seconds,
)


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
