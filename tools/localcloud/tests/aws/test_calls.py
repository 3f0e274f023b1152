from __future__ import annotations

import pytest

from localcloud.aws.calls import Call, create
from localcloud.template import Stack

KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
}
INDEX = {"IndexName": "by-room", "KeySchema": KEYS["KeySchema"], "Projection": {"ProjectionType": "ALL"}}


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"])
def test_a_table_is_created_with_its_keys_indexes_and_ttl(kind: str) -> None:
    properties = {
        **KEYS,
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [{**INDEX, "ProvisionedThroughput": {"ReadCapacityUnits": 1}}],
        "TimeToLiveSpecification": {"AttributeName": "expiresAt", "Enabled": True},
        "Replicas": [{"Region": {"Ref": "AWS::Region"}}],
    }
    stack = Stack("App", {"Resources": {"Table": {"Type": kind, "Properties": properties}}})
    ttl = {"Enabled": True, "AttributeName": "expiresAt"}
    assert list(create(stack)) == [
        Call(
            "dynamodb",
            "create_table",
            {"TableName": "App-Table", "BillingMode": "PAY_PER_REQUEST", **KEYS, "GlobalSecondaryIndexes": [INDEX]},
        ),
        Call("dynamodb", "update_time_to_live", {"TableName": "App-Table", "TimeToLiveSpecification": ttl}),
    ]


def test_a_table_without_ttl_has_none_set() -> None:
    stack = Stack("App", {"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": KEYS}}})
    assert [call.method for call in create(stack)] == ["create_table"]
