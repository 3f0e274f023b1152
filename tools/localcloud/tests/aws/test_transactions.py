"""Transactions through the stand-in leave what moto leaves by itself."""

from __future__ import annotations

from typing import Any

import moto.dynamodb.models
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from moto.dynamodb.models.table import Table

from localcloud.aws import transactions

from .test_partitions import table

pytestmark = pytest.mark.slow


BACKEND: Any = moto.dynamodb.models.DynamoDBBackend

keys = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"))
operations = st.tuples(st.sampled_from(["Put", "Update", "Delete", "ConditionCheck"]), keys, st.booleans())


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BACKEND, "transact_write_items", BACKEND.transact_write_items)


def write(number: int, kind: str, key: tuple[str, str], exists: bool) -> dict[str, Any]:
    """One write of a transaction, on the condition that the item is there, or is not."""
    names = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
    condition = "attribute_exists(pk)" if exists else "attribute_not_exists(pk)"
    value = {":n": {"N": str(number)}}
    more: dict[str, Any] = {"Key": names}
    if kind == "Put":
        more = {"Item": names | {"n": value[":n"]}}
    elif kind == "Update":
        more |= {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": value}
    return {kind: {"TableName": "t", "ConditionExpression": condition, **more}}


def outcome(transact: Any, there: set[tuple[str, str]], writes: list[Any]) -> tuple[Any, ...]:
    BACKEND.transact_write_items = transact
    with mock_aws():
        client = table("S", sorted(there))
        items = [write(number, *one) for number, one in enumerate(writes)]
        try:
            client.transact_write_items(TransactItems=items)
            error = None
        except ClientError as failed:
            error = str(failed)
        client.put_item(TableName="t", Item={"pk": {"S": "later"}, "sk": {"S": "z"}})
        return error, client.scan(TableName="t")["Items"]


@settings(deadline=None, max_examples=30)
@given(there=st.sets(keys), writes=st.lists(operations, min_size=1, max_size=4))
def test_whether_it_fails_or_not_the_table_is_as_moto_leaves_it(there: set[tuple[str, str]], writes: list[Any]) -> None:
    assert outcome(transactions._transact, there, writes) == outcome(transactions._transact_copying, there, writes)


@mock_aws
def test_partitions_that_are_not_written_are_not_copied() -> None:
    transactions.install()
    client = table("S", [("a", "x"), ("b", "y")])
    held: Table = moto.dynamodb.models.dynamodb_backends["123456789012"]["us-east-1"].tables["t"]
    before = {key.value: partition for key, partition in held.items.items()}
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(TransactItems=[write(1, "Put", ("a", "x"), exists=False)])
    after = moto.dynamodb.models.dynamodb_backends["123456789012"]["us-east-1"].tables["t"]
    now = {key.value: partition for key, partition in after.items.items()}
    assert now["b"] is before["b"]
    assert now["a"] is not before["a"]
