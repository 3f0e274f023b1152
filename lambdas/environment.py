"""What all functions share, made once an environment: Lambda gives this phase more CPU, and every event reuses it."""

import os
from typing import Any

from backend import aws
from backend.dynamodb import DynamoDBStore
from backend.dynamodb_rooms import DynamoDBMembers
from backend.emf import EmfMetrics
from backend.records import Connection
from backend.sessions import Sessions
from backend.settings import Settings

settings = Settings.from_environment(os.environ)
metrics = EmfMetrics(settings.backend)
dynamodb = aws.dynamodb()
sessions = Sessions(
    DynamoDBStore(dynamodb, settings.table_name),
    session_seconds=settings.session_seconds,
    touch_seconds=settings.touch_seconds,
    max_rooms=settings.max_rooms,
)
members = DynamoDBMembers(dynamodb, settings.table_name)


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
