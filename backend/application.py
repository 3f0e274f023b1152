"""The routes of messages, assembled for whoever answers them: a Lambda function, or a pod."""

from backend.ports import MetricsSink, Outbound
from backend.posting import Posting
from backend.queues import SqsQueue
from backend.rates import Rates
from backend.recent import REMEMBERED
from backend.router import Router
from backend.state import State


class Application:
    """A router over the queues that the settings name. Raises SettingsError when they name none."""

    def __init__(self, state: State, outbound: Outbound, metrics: MetricsSink, *, remembered: int = REMEMBERED) -> None:
        self.jobs, self.deliveries = map(SqsQueue, state.settings.queue_urls())
        posting = Posting(state, outbound, self.deliveries)
        self.presence = posting.presence
        self.router = Router(
            state.sessions,
            posting.presence,
            posting.messaging,
            posting.delivery,
            outbound,
            self.jobs,
            metrics,
            Rates(state.settings.message_rate, remembered),
        )

    def prepare(self) -> None:
        """Make the clients of the queues now: a host with many threads does so before they ask for them at once."""
        for queue in (self.jobs, self.deliveries):
            queue.prepare()
