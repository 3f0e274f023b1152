"""Every message: `$default` and the routes of known actions. The body goes back through the route response."""

import time
from typing import Any

from backend.queues import SqsQueue
from backend.rates import Rates
from backend.router import Router
from lambdas.environment import connection_of, metrics, sessions, settings
from lambdas.posting import delivery_through, messaging_through, outbound, presence

jobs, deliveries = map(SqsQueue, settings.queue_urls())
delivery = delivery_through(deliveries)
router = Router(
    sessions,
    presence,
    messaging_through(delivery),
    delivery,
    outbound,
    jobs,
    metrics,
    Rates(settings.message_rate),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one message. Without a body nothing goes back: the reply has gone out already."""
    reply = router.message(connection_of(event), event["body"], time.time())
    return {"statusCode": 200} if reply is None else {"statusCode": 200, "body": reply}
