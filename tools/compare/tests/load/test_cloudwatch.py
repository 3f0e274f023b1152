"""CloudWatch's figures by a stack's resources, on AWS as moto plays it; test_local.py reads those of a local cloud."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from compare.load import cloudwatch
from compare.load.targets import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = {
    "Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "ours",
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        }
    }
}
(TARGET,) = parse(["it=wss://abc.execute-api.eu-west-1.amazonaws.com/prod"])


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cloudwatch, "_PAUSE", {False: 0.0})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    with mock_aws():
        yield


def put(table: str, value: float, when: float) -> None:
    datum: Any = {
        "MetricName": "ConsumedWriteCapacityUnits",
        "Dimensions": [{"Name": "TableName", "Value": table}],
        "Timestamp": datetime.fromtimestamp(when, UTC),
        "Value": value,
    }
    client: Any = boto3.client("cloudwatch", region_name="eu-west-1")
    client.put_metric_data(Namespace="AWS/DynamoDB", MetricData=[datum])


@pytest.mark.usefixtures("aws")
def test_sums_are_of_the_stacks_own_resources_in_the_minutes_of_the_run() -> None:
    client: Any = boto3.client("cloudformation", region_name="eu-west-1")
    client.create_stack(StackName="Ours", TemplateBody=json.dumps(TEMPLATE))
    of = cloudwatch.resources(TARGET, "Ours")
    assert (of.apis, of.functions, of.tables) == ((), (), ("ours",))
    now = time.time()
    for table, value, when in (("ours", 3, now - 60), ("ours", 4, now), ("theirs", 50, now), ("ours", 900, now - 900)):
        put(table, value, when)
    found = asyncio.run(cloudwatch.statistics(TARGET, of, now - 60, now))
    assert {key: figure.value for key, figure in found.items()} == {"cloudwatch.write_units": 7}
    assert found["cloudwatch.write_units"].basis == "measured"


@pytest.mark.usefixtures("aws")
def test_a_stack_that_is_not_there_is_one_line_before_the_run() -> None:
    with pytest.raises(cloudwatch.CloudWatchError) as caught:
        cloudwatch.resources(TARGET, "Mine")
    assert str(caught.value).startswith("--stack it=Mine: ")
    assert "Mine" in str(caught.value)
    assert caught.value.status == 1
    assert "\n" not in str(caught.value)


def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(cloudwatch.CloudWatchError, match=r"^--stack it=Ours: Unable to locate credentials$"):
        cloudwatch.resources(TARGET, "Ours")
