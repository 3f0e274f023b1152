"""What the functions that post to connections share, beside their environment."""

from backend.connections import ManagementApi
from backend.delivery import Delivery
from backend.dynamodb_streams import DynamoDBStreams
from backend.messaging import Messaging
from backend.ports import Queue
from backend.presence import Presence
from lambdas.environment import dynamodb, members, sessions, settings

outbound = ManagementApi(settings.posting_url())
presence = Presence(sessions, members, outbound)
streams = DynamoDBStreams(
    dynamodb, settings.table_name, messages=settings.history_messages, seconds=settings.history_seconds
)


def delivery_through(queue: Queue | None) -> Delivery:
    """Delivery that leaves large rooms to a queue, or does all itself."""
    return Delivery(outbound, presence.gone, queue)


def messaging_through(delivery: Delivery) -> Messaging:
    """Rooms and inboxes that push through a delivery."""
    return Messaging(sessions, presence, streams, members, delivery, max_members=settings.max_members)
