"""`$connect`: API Gateway answers the handshake only after this, and refuses it with any status that is not 2xx."""

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
    """Open the session of a new connection."""
    done = lifecycle.connect(connection_of(event), time.time(), event["requestContext"]["requestId"])
    return {"statusCode": 200 if done else 500}
