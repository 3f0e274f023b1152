"""The queue of jobs: what clients asked for with `work`."""

import time
from typing import TYPE_CHECKING

from backend.log import logger
from lambdas.environment import application
from lambdas.events import BatchResponse, QueueEvent
from lambdas.records import failures

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

worker = application.worker


@logger.inject_lambda_context(log_event=False)
def handler(event: QueueEvent, _context: "LambdaContext") -> BatchResponse:
    """Do a batch of jobs; those that fail stay in the queue, the others do not come again."""
    return failures(event, lambda body: worker.run(body, time.time()))
