"""Faults and settings on the command line, on real sockets and processes."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from localcloud.testing import Running, eventually, running

from . import assemblies

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


KEYS: Any = {
    "region_name": "us-east-1",
    "aws_access_key_id": "any",
    "aws_secret_access_key": "any",
    "config": Config(retries={"total_max_attempts": 1}),
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    builder = assemblies.echo()
    attributes = [{"AttributeName": "pk", "AttributeType": "S"}]
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    builder.add("Table", "AWS::DynamoDB::Table", KeySchema=keys, AttributeDefinitions=attributes, TableName="things")
    folder = builder.write(tmp_path_factory.mktemp("assembly"), assemblies.HANDLERS)
    rates = ("function-crash=0.5", "dynamodb-throttled=1", "post-throttled=1")
    options = [option for rate in rates for option in ("--fault", rate)]
    with running(folder, "--assembly", str(folder), *options, "--fault-seed", "3", "--set", "idle=5") as cloud:
        yield cloud


def test_faults_fire_and_are_counted(cloud: Running) -> None:
    dynamodb = boto3.client("dynamodb", endpoint_url=cloud.aws, **KEYS)
    with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException):
        dynamodb.get_item(TableName="things", Key={"pk": {"S": "x"}})
    assert dynamodb.list_tables()["TableNames"] == ["things"]
    management = boto3.client("apigatewaymanagementapi", endpoint_url=cloud.management, **KEYS)
    with pytest.raises(ClientError, match="LimitExceeded"):
        management.post_to_connection(ConnectionId="R0oXAdfD0kwCH6w=", Data=b"x")

    def crash() -> bool:
        try:
            with connect(cloud.url, open_timeout=60) as client:
                client.send("hi")
                answer = client.recv(timeout=60)
                return answer != "hi" and bool(json.loads(answer)["message"] == "Internal server error")
        except InvalidStatus as refused:
            return refused.response.status_code == 502

    eventually(crash, "a function that crashes")
    cloudwatch = boto3.client("cloudwatch", endpoint_url=cloud.aws, **KEYS)

    def counted() -> bool:
        now = datetime.now(UTC)
        sums = {
            name: sum(
                point["Sum"]
                for point in cloudwatch.get_metric_statistics(
                    Namespace="Duplex/Faults",
                    MetricName=name,
                    StartTime=now - timedelta(minutes=5),
                    EndTime=now + timedelta(minutes=5),
                    Period=60,
                    Statistics=["Sum"],
                )["Datapoints"]
            )
            for name in ("function-crash", "dynamodb-throttled", "post-throttled", "post-gone")
        }
        once = sums["dynamodb-throttled"] == sums["post-throttled"] == 1
        return bool(once and sums["function-crash"] >= 1 and sums["post-gone"] == 0)

    eventually(counted, "the counts of all faults that fired, in CloudWatch")


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["--fault", "nope=1"], 1, "there is no fault 'nope': choose from disconnect-lost,"),
        (["--fault", "post-gone=2"], 1, "needs a rate from 0 to 1"),
        (["--set", "nope=1"], 2, "there is no setting 'nope'; docs/differences.md lists"),
        (["--set", "idle"], 2, "--set takes NAME=VALUE, not 'idle'"),
        (["--parameter", "A=1"], 2, "--parameter goes with --template"),
    ],
)
def test_a_wrong_option_is_told(tmp_path_factory: Any, arguments: list[str], status: int, text: str) -> None:
    folder = assemblies.echo().write(tmp_path_factory.mktemp("assembly"), "")
    command = [sys.executable, "-m", "localcloud", "--port", "0", "--assembly", str(folder), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == status
    assert text in " ".join(ended.stderr.replace("│", "").split())
