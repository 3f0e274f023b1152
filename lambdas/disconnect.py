"""`$disconnect`: sent after the close, best effort; its answer reaches nobody."""

import time
from typing import TYPE_CHECKING

from backend.log import logger
from lambdas.environment import application, connection_of
from lambdas.events import Response, WebSocketEvent

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

lifecycle = application.lifecycle


@logger.inject_lambda_context(log_event=False)
def handler(event: WebSocketEvent, _context: "LambdaContext") -> Response:
    """Let go of the session of a connection that has ended."""
    done = lifecycle.disconnect(connection_of(event), time.time(), event["requestContext"]["requestId"])
    return {"statusCode": 200 if done else 500}
