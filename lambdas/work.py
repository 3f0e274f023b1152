"""The queue of jobs: what clients asked for with `work`."""

import time
from typing import Any

from backend.posting import Posting
from backend.work import Worker
from lambdas.environment import metrics, state
from lambdas.posting import outbound
from lambdas.records import failures

worker = Worker(Posting(state, outbound).messaging, metrics)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do a batch of jobs; those that fail stay in the queue, the others do not come again."""
    return failures(event, lambda body: worker.run(body, time.time()))
