"""Once a minute: how many connections there are."""

import time
from typing import Any

from backend.census import Census
from backend.connections import ManagementApi
from backend.dynamodb_census import DynamoDBRows
from backend.presence import Presence
from lambdas.environment import metrics, settings, state

outbound = ManagementApi(settings.posting_url())
census = Census(
    DynamoDBRows(state.dynamodb, settings.table_name, session_seconds=settings.session_seconds),
    Presence(state.sessions, state.members, outbound),
    outbound,
    metrics,
)


def handler(_event: dict[str, Any], _context: object) -> None:
    """Count, and publish the count."""
    census.run(time.time())
