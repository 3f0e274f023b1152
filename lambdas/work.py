"""The queue of jobs: what clients asked for with `work`."""

import time
from typing import Any

from backend.work import Worker
from lambdas.environment import metrics
from lambdas.posting import delivery_through, messaging_through
from lambdas.records import failures

worker = Worker(messaging_through(delivery_through(None)), metrics)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do a batch of jobs; those that fail stay in the queue, the others do not come again."""
    return failures(event, lambda body: worker.run(body, time.time()))
