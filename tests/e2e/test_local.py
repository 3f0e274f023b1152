"""The whole of it on this machine: the synthesized app, its real functions, and clients nobody here wrote."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from localcloud.testing import Running, running
from tests.processes import eventually
from tests.synthesized import synthesized
from tests.wscat import wscat_gets_back_what_is_typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from websockets.sync.client import ClientConnection

# A touch interval that a test can wait out. The rest is the app as anybody deploys it.
TOUCH_SECONDS = 1


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("cloud")
    assembly = synthesized(folder, touch_seconds=TOUCH_SECONDS)
    with running(folder, "--assembly", str(assembly)) as cloud:
        yield cloud


@pytest.fixture
def dynamodb(cloud: Running) -> DynamoDBClient:
    return boto3.client(
        "dynamodb",
        endpoint_url=cloud.aws,
        region_name=cloud.ready["region"],
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def ask(client: ClientConnection, text: str) -> str:
    client.send(text)
    answer = client.recv(timeout=60)
    assert isinstance(answer, str)
    return answer


def table(dynamodb: DynamoDBClient) -> str:
    (name,) = dynamodb.list_tables()["TableNames"]
    return name


def key(session_id: str) -> Any:
    return {"pk": {"S": f"session#{session_id}"}, "sk": {"S": "session"}}


def test_wscat_gets_back_what_is_typed(cloud: Running) -> None:
    wscat_gets_back_what_is_typed(cloud.url)


def test_a_session_has_an_item_with_a_ttl_in_the_future(cloud: Running, dynamodb: DynamoDBClient) -> None:
    with connect(cloud.url) as client:
        session = json.loads(ask(client, '{"action":"session"}'))
    name = table(dynamodb)
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}
    item = dynamodb.get_item(TableName=name, Key=key(session["sessionId"]))["Item"]
    assert int(item["expiresAt"]["N"]) > time.time()


def test_a_session_that_vanished_is_made_again_by_the_next_message(cloud: Running, dynamodb: DynamoDBClient) -> None:
    name = table(dynamodb)
    with connect(cloud.url) as client:
        session_id = json.loads(ask(client, '{"action":"session"}'))["sessionId"]
        dynamodb.delete_item(TableName=name, Key=key(session_id))
        end = time.monotonic() + TOUCH_SECONDS
        eventually(lambda: time.monotonic() > end, "the end of the touch interval")
        assert ask(client, "hello") == "hello"
        # Within one interval of a worker's last touch nothing is written, so more than one message may be needed.
        eventually(
            lambda: ask(client, "hello") and "Item" in dynamodb.get_item(TableName=name, Key=key(session_id)),
            "the item, back under the same id",
        )


def test_a_session_is_resumed_by_another_connection_and_the_first_one_is_told(cloud: Running) -> None:
    """Through a real function's own call of @connections, whose address is the template's, on AWS."""
    with connect(cloud.url) as first, connect(cloud.url) as second:
        session = json.loads(ask(first, '{"action":"session"}'))
        resume = {"action": "session", "resume": session["resumeToken"], "after": 0, "id": "r1"}
        resumed = json.loads(ask(second, json.dumps(resume)))
        assert (resumed["sessionId"], resumed["resumed"], resumed["id"]) == (session["sessionId"], True, "r1")
        assert json.loads(first.recv(timeout=60)) == {"type": "taken-over", "sessionId": session["sessionId"]}
        with pytest.raises(ConnectionClosed):
            first.recv(timeout=60)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"action":"nope","id":"1"}', "unknown-action"),
        ('{"action":"session","resume":"nothing"}', "invalid-token"),
        ('{"action":"session","resume":5,"id":1}', "bad-request"),
    ],
)
def test_what_is_refused_gets_an_error_of_the_protocol(cloud: Running, message: str, code: str) -> None:
    with connect(cloud.url) as client:
        answer = json.loads(ask(client, message))
        assert (answer["type"], answer["code"]) == ("error", code)
        assert answer.get("id") == json.loads(message).get("id")
        assert ask(client, "still here") == "still here"


def test_a_client_built_on_the_ready_file_alone_is_posted_to_and_closed(
    cloud: Running, dynamodb: DynamoDBClient
) -> None:
    api = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=cloud.management,
        region_name=cloud.ready["region"],
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    with connect(cloud.url) as client:
        session_id = json.loads(ask(client, '{"action":"session"}'))["sessionId"]
        item = dynamodb.get_item(TableName=table(dynamodb), Key=key(session_id))["Item"]
        connection_id = item["connectionId"]["S"]
        api.post_to_connection(ConnectionId=connection_id, Data=b"from outside")
        assert client.recv(timeout=60) == "from outside"
        api.delete_connection(ConnectionId=connection_id)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=60)
    with pytest.raises(ClientError) as gone:
        api.post_to_connection(ConnectionId=connection_id, Data=b"x")
    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410


def test_a_disconnect_lets_go_of_the_session(cloud: Running, dynamodb: DynamoDBClient) -> None:
    with connect(cloud.url) as client:
        session_id = json.loads(ask(client, '{"action":"session"}'))["sessionId"]
    request: Any = {"TableName": table(dynamodb), "Key": key(session_id)}
    eventually(lambda: "connectionId" not in dynamodb.get_item(**request)["Item"], "a session that nobody holds")


def test_nothing_is_printed_while_all_is_well(cloud: Running) -> None:
    """After every test of this file that this worker has run: no stack trace, no noise, no metrics."""
    with connect(cloud.url) as client:
        assert ask(client, "hello") == "hello"
    assert [line for line in cloud.lines if line.startswith("[")] == []
