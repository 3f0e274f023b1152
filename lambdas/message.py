"""Every message: `$default` and the routes of known actions. The body goes back through the route response."""

import time
from typing import Any

from backend.connections import ManagementApi
from backend.router import Router
from lambdas.environment import connection_of, metrics, sessions, settings

router = Router(sessions, ManagementApi(settings.posting_url()), metrics)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one message."""
    reply = router.message(connection_of(event), event["body"], time.time())
    return {"statusCode": 200, "body": reply}
