"""The queue of deliveries: a frame for some of the members of a large room each."""

from typing import TYPE_CHECKING

from backend.log import logger
from lambdas.environment import application
from lambdas.events import BatchResponse, QueueEvent
from lambdas.records import failures

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

delivery = application.delivery


@logger.inject_lambda_context(log_event=False)
def handler(event: QueueEvent, _context: "LambdaContext") -> BatchResponse:
    """Deliver a batch. One that was delivered twice is repeated on the wire, and dropped by the clients."""
    return failures(event, delivery.deliver_batch)
