"""Fixtures: a fresh table a test, the real store on it, and the application over both."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from backend.dynamodb import DynamoDBStore
from backend.router import Router
from backend.sessions import Sessions
from tests.backend.support import SESSION_SECONDS, TABLE, TOUCH_SECONDS, FakeMetrics, FakeOutbound, table

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
def sessions(store: DynamoDBStore) -> Sessions:
    return Sessions(store, session_seconds=SESSION_SECONDS, touch_seconds=TOUCH_SECONDS)


@pytest.fixture
def outbound() -> FakeOutbound:
    return FakeOutbound()


@pytest.fixture
def metrics() -> FakeMetrics:
    return FakeMetrics()


@pytest.fixture
def router(sessions: Sessions, outbound: FakeOutbound, metrics: FakeMetrics) -> Router:
    return Router(sessions, outbound, metrics)
