from typing import TYPE_CHECKING

import pytest

from backend.dynamodb_rooms import DynamoDBMembers
from backend.lifecycle import Lifecycle
from backend.presence import Presence
from backend.records import Connection
from backend.sessions import Sessions
from tests.backend.support import NOW, FakeMetrics, failing, session_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

CONNECTION = Connection("c=", NOW)


@pytest.fixture
def lifecycle(sessions: Sessions, members: DynamoDBMembers, metrics: FakeMetrics) -> Lifecycle:
    return Lifecycle(sessions, Presence(sessions, members), metrics)


def test_a_connection_opens_with_a_session_and_ends_without(
    client: "DynamoDBClient", lifecycle: Lifecycle, metrics: FakeMetrics
) -> None:
    assert lifecycle.connect(CONNECTION, NOW)
    assert metrics.last() == ("$connect", {"Connects": 1, "Errors": 0})
    assert "connectionId" in (session_item(client, CONNECTION.session_id) or {})

    assert lifecycle.disconnect(CONNECTION, NOW)
    assert metrics.last() == ("$disconnect", {"Disconnects": 1, "Errors": 0})
    assert "connectionId" not in (session_item(client, CONNECTION.session_id) or {})


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_a_failure_is_an_answer_a_metric_and_a_trace_in_the_log(
    client: "DynamoDBClient",
    lifecycle: Lifecycle,
    metrics: FakeMetrics,
    caplog: pytest.LogCaptureFixture,
    code: str,
) -> None:
    with failing(client, code):
        assert not lifecycle.connect(CONNECTION, NOW)
        assert metrics.last() == ("$connect", {"Connects": 1, "Errors": 1})
        assert not lifecycle.disconnect(CONNECTION, NOW)
        assert metrics.last() == ("$disconnect", {"Disconnects": 1, "Errors": 1})
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
