"""Once a minute: how many connections there are."""

import time
from typing import TYPE_CHECKING

from backend.census import Census
from backend.dynamodb_census import DynamoDBRows
from backend.log import logger
from lambdas.environment import application, metrics, settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

census = Census(
    DynamoDBRows(application.dynamodb, settings.table_name, session_seconds=settings.session_seconds),
    application.presence,
    application.outbound,
    metrics,
)


@logger.inject_lambda_context(log_event=False)
def handler(_event: dict[str, object], _context: "LambdaContext") -> None:
    """Count, and publish the count."""
    census.run(time.time())
