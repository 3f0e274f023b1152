"""Fixtures: a fresh table a test, the real stores on it, and the application over them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from backend.dynamodb_rooms import DynamoDBMembers
from backend.dynamodb_streams import DynamoDBStreams
from backend.ports import Store
from backend.router import Router
from backend.sessions import Sessions
from tests.backend.support import (
    App,
    FakeMetrics,
    FakeOutbound,
    FakeQueue,
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
    return App(client, outbound, queue, metrics)


@pytest.fixture
def store(app: App) -> Store:
    return app.store


@pytest.fixture
def streams(app: App) -> DynamoDBStreams:
    return app.streams


@pytest.fixture
def members(app: App) -> DynamoDBMembers:
    return app.members


@pytest.fixture
def sessions(app: App) -> Sessions:
    return app.sessions


@pytest.fixture
def router(app: App) -> Router:
    return app.router
