from __future__ import annotations

import time
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.dynamodb.models.dynamo_type import DynamoType

from localcloud.aws.ttl import expired
from localcloud.clock import Clock
from localcloud.testing import eventually, running

from .. import assemblies

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


NOW = 1_708_326_702.5


@pytest.mark.parametrize(
    ("value", "gone"),
    [
        ({"N": "1708326702"}, True),
        ({"N": "1708326703"}, False),
        ({"N": "1708326702.5"}, True),
        ({"S": "1"}, False),
        ({"N": str(NOW - 4 * 365 * 86_400)}, True),
        ({"N": str(NOW - 6 * 365 * 86_400)}, False),
        (None, False),
    ],
)
def test_an_item_has_expired_when_its_number_is_in_the_past_of_five_years(
    value: dict[str, str] | None,
    gone: bool,
) -> None:
    assert expired({"ttl": DynamoType(value)} if value else {}, "ttl", NOW) == gone


def test_at_sixty_times_the_speed_an_item_goes_within_a_minute_of_its_expiry(tmp_path: Path) -> None:
    builder = assemblies.echo()
    builder.add(
        "Table",
        "AWS::DynamoDB::Table",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
    )
    folder = builder.write(tmp_path / "assembly", assemblies.HANDLERS)
    with running(tmp_path, "--assembly", str(folder), "--time-scale", "60") as cloud:
        clock = Clock(cloud.ready["clock"]["scale"], cloud.ready["clock"]["started"])
        client = boto3.client(
            "dynamodb",
            endpoint_url=cloud.aws,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        table = "ChatLambda-Table"
        expiry = int(clock.now()) + 120
        client.put_item(TableName=table, Item={"pk": {"S": "kept"}, "ttl": {"N": str(expiry + 86_400)}})
        client.put_item(TableName=table, Item={"pk": {"S": "gone"}, "ttl": {"N": str(expiry)}})

        def gone() -> bool:
            before = clock.now()
            there = "Item" in client.get_item(TableName=table, Key={"pk": {"S": "gone"}})
            assert there or clock.now() >= expiry, "removed before its time"
            assert not there or before < expiry + 60, "still there a minute after its expiry"
            return not there

        eventually(gone, "the removal")
        assert "Item" in client.get_item(TableName=table, Key={"pk": {"S": "kept"}})
        assert time.time() < expiry, "in virtual time"
