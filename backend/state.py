"""What every part of the application stands on, whatever hosts it: sessions and members over one DynamoDB client."""

from backend import aws
from backend.dynamodb import DynamoDBStore
from backend.dynamodb_rooms import DynamoDBMembers
from backend.recent import REMEMBERED
from backend.sessions import Sessions
from backend.settings import Settings


class State:
    """Made once a process, and safe to share between its threads.

    A host that holds the connections itself says how many those are, so that it remembers all of them.
    """

    def __init__(self, settings: Settings, *, remembered: int = REMEMBERED) -> None:
        self.settings = settings
        self.dynamodb = aws.dynamodb()
        self.sessions = Sessions(
            DynamoDBStore(self.dynamodb, settings.table_name),
            session_seconds=settings.session_seconds,
            touch_seconds=settings.touch_seconds,
            max_rooms=settings.max_rooms,
            remembered=remembered,
        )
        self.members = DynamoDBMembers(self.dynamodb, settings.table_name)
