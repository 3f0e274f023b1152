"""The backend of a pod that holds sockets, put together from settings."""

from backend.dynamodb_streams import DynamoDBStreams
from backend.lifecycle import Lifecycle
from backend.messaging import Messaging
from backend.presence import Presence
from backend.queues import SqsQueue
from backend.rates import Rates
from backend.router import Router
from backend.settings import Settings
from backend.state import State
from backend.work import Worker
from pods.sockets.bus import Bus
from pods.sockets.hub import Hub
from pods.sockets.outbound import Broadcast, PodOutbound


def attach(hub: Hub, settings: Settings, bus: Bus | None) -> Worker:
    """Give the hub its backend; what does work from the queue."""
    metrics = hub.figures
    state = State(settings, remembered=hub.limits.max_connections)
    sessions, members = state.sessions, state.members
    outbound = PodOutbound(hub, bus)
    presence = Presence(sessions, members, outbound)
    streams = DynamoDBStreams(
        state.dynamodb, settings.table_name, messages=settings.history_messages, seconds=settings.history_seconds
    )
    delivery = Broadcast(hub, bus, outbound)
    messaging = Messaging(sessions, presence, streams, members, delivery, max_members=settings.max_members)
    hub.sessions = sessions
    hub.presence = presence
    hub.lifecycle = Lifecycle(sessions, presence, metrics)
    hub.router = Router(
        sessions,
        presence,
        messaging,
        delivery,
        outbound,
        SqsQueue(settings.work_url()),
        metrics,
        Rates(settings.message_rate, hub.limits.max_connections),
    )
    return Worker(messaging, metrics)
