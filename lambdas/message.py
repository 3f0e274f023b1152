"""Every message: `$default` and the routes of known actions. The body goes back through the route response."""

import time
from typing import TYPE_CHECKING

from backend.log import logger
from lambdas.environment import application, connection_of, settings
from lambdas.events import MessageEvent, Response

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings.queue_urls()  # raises SettingsError at the start, and not with the first message that needs a queue
router = application.router


@logger.inject_lambda_context(log_event=False)
def handler(event: MessageEvent, _context: "LambdaContext") -> Response:
    """Answer one message. Without a body nothing goes back: the reply has gone out already."""
    request_id = event["requestContext"]["requestId"]
    reply = router.message(connection_of(event), event["body"], time.time(), request_id)
    return {"statusCode": 200} if reply is None else {"statusCode": 200, "body": reply}
