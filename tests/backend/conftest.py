"""Fixtures: a fresh table a test, the real stores on it, and the application over them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from backend.dynamodb import DynamoDBStore
from backend.dynamodb_rooms import DynamoDBMembers
from backend.dynamodb_streams import DynamoDBStreams
from backend.router import Router
from backend.sessions import Sessions
from tests.backend.support import (
    SESSION_SECONDS,
    TABLE,
    TOUCH_SECONDS,
    App,
    FakeMetrics,
    FakeOutbound,
    FakeQueue,
    sessions_on,
    streams_on,
    table,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@pytest.fixture(autouse=True)
def _aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def client() -> Iterator["DynamoDBClient"]:
    with table() as client:
        yield client


@pytest.fixture
def store(client: "DynamoDBClient") -> DynamoDBStore:
    return DynamoDBStore(client, TABLE)


@pytest.fixture
def streams(client: "DynamoDBClient") -> DynamoDBStreams:
    return streams_on(client)


@pytest.fixture
def members(client: "DynamoDBClient") -> DynamoDBMembers:
    return DynamoDBMembers(client, TABLE)


@pytest.fixture
def sessions(store: DynamoDBStore) -> Sessions:
    return Sessions(store, session_seconds=SESSION_SECONDS, touch_seconds=TOUCH_SECONDS)


@pytest.fixture
def outbound() -> FakeOutbound:
    return FakeOutbound()


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
def metrics() -> FakeMetrics:
    return FakeMetrics()


@pytest.fixture
def app(client: "DynamoDBClient", outbound: FakeOutbound, queue: FakeQueue, metrics: FakeMetrics) -> App:
    return App(client, outbound, queue, metrics, sessions_on(client))


@pytest.fixture
def router(
    client: "DynamoDBClient", sessions: Sessions, outbound: FakeOutbound, queue: FakeQueue, metrics: FakeMetrics
) -> Router:
    return App(client, outbound, queue, metrics, sessions).router
