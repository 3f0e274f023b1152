"""The application, put together: the one place where its parts meet."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from backend import aws
from backend.dynamodb import DynamoDBStore
from backend.dynamodb_rooms import DynamoDBMembers
from backend.lifecycle import Lifecycle
from backend.log import logger
from backend.lru_cache import REMEMBERED
from backend.presence import Presence
from backend.sessions import Sessions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from backend.delivery import Delivery
    from backend.dynamodb_streams import DynamoDBStreams
    from backend.messaging import Messaging
    from backend.ports import MetricsSink, Outbound, Queue, Store
    from backend.router import Router
    from backend.settings import Settings
    from backend.work import Worker


class Application:
    """The parts of the application over one DynamoDB client.

    A process makes one. Threads may share it once `prepare` has been called. Each part is made when it is first asked
    for, and what it needs is imported then: a function that only opens connections loads neither the protocol nor the
    way to post. A host that has a part of its own, such as another way to connections, overrides the property. Making
    an application adds its variant to every line of the log.

    `remembered` is how many connections a host knows, or more. A part raises SettingsError when it needs a setting that
    is missing.
    """

    def __init__(self, settings: Settings, metrics: MetricsSink, *, remembered: int = REMEMBERED) -> None:
        self.settings = settings
        self.metrics = metrics
        self._remembered = remembered
        logger.append_keys(variant=settings.backend)

    def prepare(self) -> None:
        """Make the routes and every client now, before several threads ask for the same one at once."""
        from backend.connections import ManagementApi
        from backend.queues import SqsQueue

        for part in (self.router, self.lifecycle, self.outbound, self.jobs, self.deliveries):
            if isinstance(part, ManagementApi | SqsQueue):
                part.prepare()

    # --- what is outside ---------------------------------------------------------------------------------------------

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """The client of the one table."""
        return aws.dynamodb()

    @cached_property
    def store(self) -> Store:
        """The rows of sessions."""
        return DynamoDBStore(self.dynamodb, self.settings.table_name)

    @cached_property
    def outbound(self) -> Outbound:
        """The way to connections."""
        from backend.connections import ManagementApi

        return ManagementApi(self.settings.posting_url())

    @cached_property
    def jobs(self) -> Queue:
        """The queue of work."""
        from backend.queues import SqsQueue

        return SqsQueue(self.settings.work_url())

    @cached_property
    def deliveries(self) -> Queue | None:
        """The queue of what is published in large rooms, if the host has one."""
        from backend.queues import SqsQueue

        url = self.settings.deliveries_url
        return None if url is None else SqsQueue(url)

    @cached_property
    def streams(self) -> DynamoDBStreams:
        """The histories of rooms and inboxes."""
        from backend.dynamodb_streams import DynamoDBStreams

        settings = self.settings
        return DynamoDBStreams(
            self.dynamodb,
            settings.table_name,
            messages=settings.history_messages,
            seconds=settings.history_seconds,
        )

    # --- what is done with it ----------------------------------------------------------------------------------------

    @cached_property
    def sessions(self) -> Sessions:
        """The life of sessions."""
        settings = self.settings
        return Sessions(
            self.store,
            session_seconds=settings.session_seconds,
            touch_seconds=settings.touch_seconds,
            max_rooms=settings.max_rooms,
            remembered=self._remembered,
        )

    @cached_property
    def members(self) -> DynamoDBMembers:
        """Who gets what is published in a room."""
        return DynamoDBMembers(self.dynamodb, self.settings.table_name)

    @cached_property
    def presence(self) -> Presence:
        """Which connections can be reached."""
        return Presence(self.sessions, self.members)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """The routes `$connect` and `$disconnect`."""
        return Lifecycle(self.sessions, self.presence, self.metrics)

    @cached_property
    def delivery(self) -> Delivery:
        """Frames on their way out, for large rooms through the queue."""
        from backend.delivery import Delivery

        return Delivery(self.outbound, self.presence, self.deliveries)

    @cached_property
    def messaging(self) -> Messaging:
        """Rooms and inboxes."""
        from backend.messaging import Messaging

        return Messaging(
            self.sessions,
            self.presence,
            self.streams,
            self.members,
            self.delivery,
            max_members=self.settings.max_members,
        )

    @cached_property
    def router(self) -> Router:
        """The routes of messages."""
        from backend import actions
        from backend.rate_limiter import RateLimiter
        from backend.router import Router

        return Router(
            actions.load(),
            self,
            sessions=self.sessions,
            delivery=self.delivery,
            metrics=self.metrics,
            rate_limiter=RateLimiter(self.settings.message_rate, self._remembered),
        )

    @cached_property
    def worker(self) -> Worker:
        """What is done with jobs."""
        from backend.work import Worker

        return Worker(self.messaging, self.metrics)
