"""The queue of deliveries: a frame for some of the members of a large room each."""

from typing import Any

from backend.posting import Posting
from lambdas.environment import state
from lambdas.posting import outbound
from lambdas.records import failures

delivery = Posting(state, outbound).delivery


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Deliver a batch. One that was delivered twice is repeated on the wire, and dropped by the clients."""
    return failures(event, delivery.deliver_batch)
