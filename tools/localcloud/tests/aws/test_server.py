from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from localcloud.testing import PATIENCE

from .endpoints import OURS, REGION, TABLE, client, started

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with started(OURS, calls=[{"service": "dynamodb", "method": "create_table", "arguments": TABLE}]) as answer:
        yield answer["port"]


def post(port: int, target: str, body: bytes, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        sent = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        connection.request("POST", "/", body, {**sent, **{name.replace("_", "-"): v for name, v in headers.items()}})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text.startswith(b"{") else text
    finally:
        connection.close()


def test_a_busy_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(OURS, port=port) as answer:
            assert answer == {
                "error": f"cannot listen on port {port} (Address already in use): choose other ports with --port"
            }


def test_a_call_that_fails_is_told() -> None:
    calls = [{"service": "dynamodb", "method": "delete_table", "arguments": {"TableName": "unknown"}}]
    with started(OURS, calls=calls) as answer:
        assert "ResourceNotFoundException" in answer["error"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 has to be set up first")
def test_only_the_loopback_interface_is_bound(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.2", port))  # taken, were it bound on every interface


def test_a_client_keeps_its_connection(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.connect()
    first = connection.sock
    for _ in range(2):
        connection.request("POST", "/", b"{}", {"X-Amz-Target": "DynamoDB_20120810.ListTables"})
        assert connection.getresponse().read()
    assert connection.sock is first
    connection.close()


def test_conditions_and_writes_are_one_step(port: int) -> None:
    """Twenty writers count together: whoever read an old value has to try again."""
    dynamodb = client("dynamodb", port, max_pool_connections=20)
    key = {"pk": {"S": "count"}, "sk": {"S": "1"}}
    dynamodb.put_item(TableName="T", Item={**key, "n": {"N": "0"}})
    conflicts = []

    def count(_: int) -> None:
        while True:
            n = int(dynamodb.get_item(TableName="T", Key=key)["Item"]["n"]["N"])
            try:
                dynamodb.update_item(
                    TableName="T",
                    Key=key,
                    UpdateExpression="SET n = :next",
                    ConditionExpression="n = :n",
                    ExpressionAttributeValues={":next": {"N": str(n + 1)}, ":n": {"N": str(n)}},
                )
            except dynamodb.exceptions.ConditionalCheckFailedException:
                conflicts.append(n)
            else:
                return

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(count, range(40)))
    assert dynamodb.get_item(TableName="T", Key=key)["Item"]["n"] == {"N": "40"}
    assert conflicts, "they never met: the test shows nothing"


def test_a_region_of_a_signature_is_a_region(port: int) -> None:
    assert client("dynamodb", port).list_tables()["TableNames"] == ["T"]
    elsewhere = client("dynamodb", port, "us-west-2")
    assert elsewhere.list_tables()["TableNames"] == []
    with pytest.raises(elsewhere.exceptions.ResourceNotFoundException):
        elsewhere.get_item(TableName="T", Key=KEY)
    described = client("dynamodb", port).describe_table(TableName="T")["Table"]
    assert described["TableArn"] == f"arn:aws:dynamodb:{REGION}:123456789012:table/T"


def test_without_a_signature_the_region_is_the_servers(port: int) -> None:
    assert post(port, "DynamoDB_20120810.ListTables", b"{}") == (200, {"TableNames": ["T"]})
    get = json.dumps({"TableName": "T", "Key": KEY}).encode()
    assert post(port, "DynamoDB_20120810.GetItem", get) == (200, {})


def test_an_account_id_in_a_header_is_heeded(port: int) -> None:
    get = json.dumps({"TableName": "T", "Key": KEY}).encode()
    status, body = post(port, "DynamoDB_20120810.GetItem", get, x_moto_account_id="111122223333")
    assert (status, body["__type"].partition("#")[2]) == (400, "ResourceNotFoundException")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(port: int, body: bytes) -> None:
    status, answer = post(port, "DynamoDB_20120810.GetItem", body)
    assert status == (500 if body == b"" else 400)
    assert body == b"" or answer["__type"].endswith("#SerializationException")


def test_an_unknown_operation_fails_as_it_does_in_moto(port: int) -> None:
    assert post(port, "DynamoDB_20120810.Unknown", b"{}")[0] == 500
    assert post(port, "DynamoDB_20120810.GetItem", json.dumps({"TableName": "T", "Key": KEY}).encode())[0] == 200


def test_web_pages_of_other_sites_are_refused(port: int) -> None:
    assert post(port, "DynamoDB_20120810.ListTables", b"{}", Host="evil.example")[0] == 403
    assert post(port, "DynamoDB_20120810.ListTables", b"{}", Origin="https://evil.example")[0] == 403
    assert post(port, "DynamoDB_20120810.ListTables", b"{}", Origin="http://localhost:4000")[0] == 200


def test_waiting_for_a_message_keeps_nobody_else_waiting(port: int) -> None:
    sqs = client("sqs", port)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    got: list[Any] = []
    waiting = threading.Thread(
        target=lambda: got.append(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)), daemon=True
    )
    waiting.start()
    assert client("dynamodb", port).list_tables()["TableNames"] == ["T"]
    client("sqs", port).send_message(QueueUrl=url, MessageBody="hello")
    waiting.join(PATIENCE)
    assert [message["Body"] for message in got[0]["Messages"]] == ["hello"]


def test_metrics_are_written_and_read(port: int) -> None:
    cloudwatch = client("cloudwatch", port)
    now = datetime.now(UTC)
    metric: dict[str, Any] = {"MetricName": "Messages", "Dimensions": [{"Name": "service", "Value": "chat"}]}
    datum = {**metric, "Timestamp": now, "Unit": "Count"}
    several = [{**datum, "Value": 3.0}, {**datum, "StatisticValues": _statistics(2, 3.0, 1.0, 2.0)}]
    cloudwatch.put_metric_data(Namespace="Chat", MetricData=several)
    assert cloudwatch.list_metrics(Namespace="Chat")["Metrics"] == [{"Namespace": "Chat", **metric}]
    period: dict[str, Any] = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}
    query = {"Metric": {"Namespace": "Chat", **metric}, "Period": 60, "Stat": "Sum"}
    read = cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "m", "MetricStat": query}], **period)
    assert read["MetricDataResults"][0]["Values"] == [6.0]
    points = cloudwatch.get_metric_statistics(
        Namespace="Chat", **metric, **period, Period=60, Statistics=["Sum", "SampleCount", "Maximum"]
    )["Datapoints"]
    assert [(point["Sum"], point["SampleCount"], point["Maximum"]) for point in points] == [(6.0, 3.0, 3.0)]
    # Large enough for botocore to compress it.
    cloudwatch.put_metric_data(Namespace="Large", MetricData=[{**datum, "MetricName": f"M{i}"} for i in range(500)])
    assert len(cloudwatch.list_metrics(Namespace="Large")["Metrics"]) == 500


def _statistics(count: int, total: float, low: float, high: float) -> dict[str, float]:
    return {"SampleCount": count, "Sum": total, "Minimum": low, "Maximum": high}


def test_objects_keep_their_bytes_and_metadata(port: int) -> None:
    s3 = client("s3", port)
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    body = bytes(range(256)) * 1000
    s3.put_object(Bucket="bucket", Key="a/b c+é", Body=body, Metadata={"my_key": "v"})
    got = s3.get_object(Bucket="bucket", Key="a/b c+é")
    assert (got["Body"].read(), got["Metadata"]) == (body, {"my_key": "v"})
    assert s3.head_object(Bucket="bucket", Key="a/b c+é")["ContentLength"] == len(body)
    with pytest.raises(ClientError) as raised:
        s3.head_object(Bucket="bucket", Key="none")
    assert raised.value.response["Error"]["Code"] == "404"
