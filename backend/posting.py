"""What posts to connections: deliveries, and the rooms and inboxes that make them."""

from backend.delivery import Delivery
from backend.dynamodb_streams import DynamoDBStreams
from backend.messaging import Messaging
from backend.ports import Outbound, Queue
from backend.presence import Presence
from backend.state import State


class Posting:
    """Deliveries to connections through `outbound`. One with a `queue` leaves large rooms to it."""

    def __init__(self, state: State, outbound: Outbound, queue: Queue | None = None) -> None:
        settings = state.settings
        self.presence = Presence(state.sessions, state.members, outbound)
        self.delivery = Delivery(outbound, self.presence.gone, queue)
        self.messaging = Messaging(
            state.sessions,
            self.presence,
            DynamoDBStreams(
                state.dynamodb,
                settings.table_name,
                messages=settings.history_messages,
                seconds=settings.history_seconds,
            ),
            state.members,
            self.delivery,
            max_members=settings.max_members,
        )
