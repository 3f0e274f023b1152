"""Queries through the stand-in come to what moto says by itself."""

from __future__ import annotations

from typing import Any

import boto3
import moto.dynamodb.models.table
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from localcloud.aws import partitions

pytestmark = pytest.mark.slow


TABLE: Any = moto.dynamodb.models.table.Table
KEYS = st.text("ab#~", min_size=1, max_size=3)


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TABLE, "query", TABLE.query)


def both(client: Any, **request: Any) -> list[dict[str, Any]]:
    """The answer of moto, and the one with the stand-in."""
    answers = []
    for query in (partitions._query_whole, partitions._query):
        TABLE.query = query
        answer = client.query(TableName="t", **request)
        answers.append({key: answer.get(key) for key in ("Items", "Count", "ScannedCount", "LastEvaluatedKey")})
    return answers


def table(kind: str, items: list[tuple[str, str]]) -> Any:
    client: Any = boto3.client("dynamodb", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    client.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": kind},
        ],
    )
    for pk, sk in items:
        client.put_item(TableName="t", Item={"pk": {"S": pk}, "sk": {kind: sk}, "n": {"N": str(len(sk))}})
    return client


@settings(deadline=None, max_examples=30)
@example([("x", "a"), ("x", "b")], "a", "a", 1, True, None, True, False)  # there is more, behind the bounds
@example([("x", "a"), ("x", "b")], "b", "b", 1, False, None, True, False)
@given(
    items=st.lists(st.tuples(st.sampled_from("xy"), KEYS), max_size=12),
    low=KEYS,
    high=KEYS,
    limit=st.none() | st.integers(1, 4),
    forward=st.booleans(),
    start=st.none() | KEYS,
    bounded=st.booleans(),
    filtered=st.booleans(),
)
def test_a_query_by_key_finds_what_moto_finds(
    items: list[tuple[str, str]],
    low: str,
    high: str,
    limit: int | None,
    forward: bool,
    start: str | None,
    bounded: bool,
    filtered: bool,
) -> None:
    low, high = sorted((low, high))
    values: dict[str, Any] = {":pk": {"S": "x"}}
    request: dict[str, Any] = {"KeyConditionExpression": "pk = :pk", "ScanIndexForward": forward}
    if bounded:
        request["KeyConditionExpression"] += " AND sk BETWEEN :low AND :high"
        values |= {":low": {"S": low}, ":high": {"S": high}}
    if filtered:
        request["FilterExpression"] = "n > :one"
        values[":one"] = {"N": "1"}
    if limit is not None:
        request["Limit"] = limit
    if start is not None:
        request["ExclusiveStartKey"] = {"pk": {"S": "x"}, "sk": {"S": start}}
    with mock_aws():
        whole, narrowed = both(table("S", items), ExpressionAttributeValues=values, **request)
    assert narrowed == whole


@pytest.mark.parametrize("condition", ["sk BETWEEN :a AND :b", "sk > :a", "sk = :b"])
def test_keys_that_are_numbers_are_left_to_moto(condition: str) -> None:
    values = {":pk": {"S": "x"}, ":a": {"N": "2"}, ":b": {"N": "10"}}
    used = {name: value for name, value in values.items() if name in f"{condition} :pk"}
    with mock_aws():
        client = table("N", [("x", "1"), ("x", "2"), ("x", "9"), ("x", "10"), ("y", "5")])
        whole, narrowed = both(
            client, KeyConditionExpression=f"pk = :pk AND {condition}", ExpressionAttributeValues=used, Limit=2
        )
    assert narrowed == whole
    assert narrowed["Count"]


def test_a_query_does_not_look_at_other_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    all_items = TABLE.all_items

    def counted(self: Any) -> Any:
        items = all_items(self)
        looked.append(len(items))
        return items

    monkeypatch.setattr(TABLE, "all_items", counted)
    with mock_aws():
        client = table("S", [("x", f"{n:02}") for n in range(30)] + [("y", f"{n:02}") for n in range(30)])
        partitions.install()
        answer = client.query(
            TableName="t",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "x"}},
            ScanIndexForward=False,
            Limit=1,
        )
    assert [item["sk"] for item in answer["Items"]] == [{"S": "29"}]
    assert looked == [2]
