"""The table the tests run on, and the two ports that are not the store."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from backend import aws
from backend.application import Application
from backend.connections import ManagementApi
from backend.delivery import Delivery
from backend.dynamodb_streams import DynamoDBStreams
from backend.ports import Outbound
from backend.records import Connection, Member
from backend.sessions import Sessions
from backend.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE = "duplex"
NOW = 1_800_000_000.5
SESSION_SECONDS = 900
TOUCH_SECONDS = 300
HISTORY_MESSAGES = 5
HISTORY_SECONDS = 3600
MAX_ROOMS = 3
MAX_MEMBERS = 4
INLINE = 3


@contextmanager
def table() -> Iterator["DynamoDBClient"]:
    """A fresh table in moto, with the keys and the TTL attribute of the deployed one."""
    with mock_aws():
        client = aws.dynamodb()
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        client.update_time_to_live(
            TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"}
        )
        yield client


def items(client: "DynamoDBClient") -> list[dict[str, Any]]:
    """Everything in the table, expired or not."""
    return [dict(item) for item in client.scan(TableName=TABLE, ConsistentRead=True)["Items"]]


def session_item(client: "DynamoDBClient", session_id: str) -> dict[str, Any] | None:
    """One session's item as DynamoDB shows it."""
    key = {"pk": {"S": f"session#{session_id}"}, "sk": {"S": "session"}}
    item = client.get_item(TableName=TABLE, Key=key).get("Item")
    return None if item is None else dict(item)


def delete_session(client: "DynamoDBClient", session_id: str) -> None:
    """Let a session vanish."""
    client.delete_item(TableName=TABLE, Key={"pk": {"S": f"session#{session_id}"}, "sk": {"S": "session"}})


class Calls(list[str]):
    """The operations a client asks for from now on."""

    def __init__(self, client: "DynamoDBClient") -> None:
        super().__init__()
        client.meta.events.register("before-call.dynamodb", self._note)

    def _note(self, model: Any, **_: object) -> None:
        self.append(model.name)


@contextmanager
def failing(client: "DynamoDBClient", code: str, status: int = 400) -> Iterator[None]:
    """Answer every call of a client with one error, after the SDK's own retries."""

    class Response:
        status_code = status

    def refuse(**_: object) -> Any:
        error = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return Response(), error

    client.meta.events.register_first("before-call.dynamodb", refuse)
    try:
        yield
    finally:
        client.meta.events.unregister("before-call.dynamodb", refuse)


class ManagementEndpoint:
    """Stands where `@connections` is: answers every request of one client with one status, and remembers it."""

    def __init__(self, api: ManagementApi, status: int = 200, code: str = "") -> None:
        self.requests: list[AWSPreparedRequest] = []
        self._status = status
        self._headers = HTTPHeaders()
        self._headers["x-amzn-ErrorType"] = code
        api._client.meta.events.register("before-send.apigatewaymanagementapi", self._answer)

    def stream(self) -> Iterator[bytes]:
        """As good as no body, to any of them."""
        return iter((b"{}",))

    def _answer(self, request: AWSPreparedRequest, **_: object) -> Any:
        self.requests.append(request)
        return AWSResponse(request.url, self._status, self._headers, self)


@dataclass
class FakeOutbound:
    """An Outbound that remembers."""

    frames: list[tuple[str, Any]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    post_error: Exception | None = None
    close_error: Exception | None = None
    posted: list[bytes] = field(default_factory=list)

    def post(self, connection_id: str, data: bytes) -> bool:
        """Remember the frame, as it is and parsed."""
        if self.post_error is not None:
            raise self.post_error
        if connection_id in self.gone:
            return False
        self.posted.append(data)
        self.frames.append((connection_id, json.loads(data)))
        return True

    def close(self, connection_id: str) -> None:
        """Remember the connection."""
        if self.close_error is not None:
            raise self.close_error
        self.closed.append(connection_id)

    def exists(self, connection_id: str) -> bool:
        """Everything is there that is not gone."""
        return connection_id not in self.gone

    def to(self, connection: Connection) -> list[Any]:
        """The frames for one connection, which are then forgotten."""
        found = [frame for target, frame in self.frames if target == connection.id]
        self.frames = [(target, frame) for target, frame in self.frames if target != connection.id]
        return found


@dataclass
class Released:
    """Stands for a Presence: remembers which connections were found gone."""

    released: list[Member] = field(default_factory=list)

    def gone(self, _outbound: Outbound, _room: str | None, member: Member) -> None:
        """Remember the connection."""
        self.released.append(member)


@dataclass
class FakeQueue:
    """A Queue that remembers, or fails."""

    bodies: list[str] = field(default_factory=list)
    error: Exception | None = None

    def put(self, bodies: Sequence[str]) -> None:
        """Remember the messages."""
        if self.error is not None:
            raise self.error
        self.bodies.extend(bodies)


@dataclass
class FakeMetrics:
    """A MetricsSink, and Gauges, that remember."""

    records: list[tuple[str, dict[str, float]]] = field(default_factory=list)
    gauges: list[dict[str, float]] = field(default_factory=list)

    def gauge(self, **values: float) -> None:
        """Remember the values."""
        self.gauges.append(values)

    def record(self, route: str, counted: str, errors: int, milliseconds: float) -> None:
        """Remember the record."""
        self.records.append((route, {counted: 1, "Errors": errors, "Latency": milliseconds}))

    def last(self) -> tuple[str, dict[str, float]]:
        """The last record, without its latency, which no test can know."""
        route, values = self.records[-1]
        assert values["Latency"] >= 0
        return route, {name: value for name, value in values.items() if name != "Latency"}


SETTINGS = Settings(
    TABLE,
    session_seconds=SESSION_SECONDS,
    touch_seconds=TOUCH_SECONDS,
    max_rooms=MAX_ROOMS,
    max_members=MAX_MEMBERS,
    message_rate=0,
    history_messages=HISTORY_MESSAGES,
    history_seconds=HISTORY_SECONDS,
)


class App(Application):
    """The application of one host on a table, with another outside."""

    def __init__(
        self,
        client: "DynamoDBClient",
        outbound: FakeOutbound | None = None,
        queue: FakeQueue | None = None,
        metrics: FakeMetrics | None = None,
        message_rate: int = 0,
    ) -> None:
        super().__init__(replace(SETTINGS, message_rate=message_rate), FakeMetrics() if metrics is None else metrics)
        self.dynamodb = client
        self.outbound = FakeOutbound() if outbound is None else outbound
        self.jobs = self.deliveries = FakeQueue() if queue is None else queue

    @cached_property
    def delivery(self) -> Delivery:
        """With a queue for rooms that a test can fill, and little patience."""
        return Delivery(self.outbound, self.presence, self.deliveries, inline=INLINE, seconds=0.2)

    def ask(self, connection: Connection, now: float = NOW, **message: Any) -> Any:
        """The reply to a message, parsed; None when it went out by itself."""
        reply = self.router.message(connection, json.dumps(message), now)
        return None if reply is None else json.loads(reply)


def sessions_on(client: "DynamoDBClient") -> Sessions:
    """Sessions as another host has them."""
    return App(client).sessions


def streams_on(client: "DynamoDBClient") -> DynamoDBStreams:
    """Streams as another host has them."""
    return App(client).streams
