"""Every message: `$default` and the routes of known actions. The body goes back through the route response."""

import time
from typing import Any

from backend.application import Application
from lambdas.environment import connection_of, metrics, state
from lambdas.posting import outbound

application = Application(state, outbound, metrics)
router = application.router


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one message. Without a body nothing goes back: the reply has gone out already."""
    reply = router.message(connection_of(event), event["body"], time.time())
    return {"statusCode": 200} if reply is None else {"statusCode": 200, "body": reply}
