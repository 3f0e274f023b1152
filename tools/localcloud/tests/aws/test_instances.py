from __future__ import annotations

from typing import Any

import pytest
from moto import mock_aws
from moto.core.common_models import BaseModel
from moto.dynamodb.models.dynamo_type import Item

from localcloud.aws import instances

from .test_partitions import table

REMEMBERED: Any = Item


@mock_aws
def test_versions_of_items_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    client = table("S", [("a", "x")])
    before = len(REMEMBERED.instances_tracked)
    assert before, "moto does remember them"
    monkeypatch.setattr(BaseModel, "__new__", vars(BaseModel)["__new__"])
    instances.install()
    key = {"pk": {"S": "a"}, "sk": {"S": "x"}}
    client.update_item(
        TableName="t", Key=key, UpdateExpression="SET n = n + :n", ExpressionAttributeValues={":n": {"N": "1"}}
    )
    assert client.get_item(TableName="t", Key=key)["Item"]["n"] == {"N": "2"}
    assert len(REMEMBERED.instances_tracked) == before
