"""Every operation answers as it does on moto's own server."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .endpoints import MOTO, OURS, TABLE, client, started

pytestmark = pytest.mark.slow


INDEX = {
    "IndexName": "by-room",
    "KeySchema": [{"AttributeName": "room", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "Projection": {"ProjectionType": "ALL"},
}
KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
ITEM = {
    **KEY,
    "n": {"N": "1"},
    "b": {"B": b"\x00\xff"},
    "list": {"L": [{"S": "é"}, {"N": "2"}, {"M": {"x": {"BOOL": True}}}]},
    "nothing": {"NULL": True},
    "names": {"SS": ["x"]},
    "numbers": {"NS": ["1.5"]},
    "bytes": {"BS": [b"z"]},
    "room": {"S": "r"},
    "expiresAt": {"N": "2000000000"},
}
T = {"TableName": "T"}


def n(value: int) -> dict[str, str]:
    return {"N": str(value)}


def update(expression: str, condition: str | None = None, names: Any = None, **values: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {**T, "Key": KEY, "UpdateExpression": expression, "ReturnValues": "ALL_NEW"}
    if condition:
        arguments |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if values:
        arguments["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    if names:
        arguments["ExpressionAttributeNames"] = names
    return arguments


FAILING = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
MANY = [{"PutRequest": {"Item": {"pk": {"S": "many"}, "sk": {"S": str(i)}, "n": n(i)}}} for i in range(25)]
QUERY: dict[str, Any] = {
    **T,
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": "many"}},
}

# In this order, on one table.
OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    ("list_tables", {}),
    (
        "create_table",
        {
            **TABLE,
            "AttributeDefinitions": [*TABLE["AttributeDefinitions"], {"AttributeName": "room", "AttributeType": "S"}],
            "GlobalSecondaryIndexes": [INDEX],
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        },
    ),
    ("create_table", TABLE),  # exists
    ("create_table", {**TABLE, "TableName": "U", "AttributeDefinitions": []}),
    ("list_tables", {}),
    ("describe_table", T),
    ("describe_table", {"TableName": "unknown"}),
    ("update_time_to_live", {**T, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expiresAt"}}),
    ("describe_time_to_live", T),
    ("get_item", {**T, "Key": KEY}),
    ("put_item", {**T, "Item": ITEM}),
    ("put_item", {**T, "Item": ITEM, "ReturnValues": "ALL_OLD", "ReturnConsumedCapacity": "TOTAL"}),
    ("put_item", {**T, "Item": ITEM, **FAILING}),
    ("put_item", {**T, "Item": {"pk": {"S": "a"}}}),  # no sort key
    ("put_item", {**T, "Item": {**KEY, "pk": {"S": ""}}}),
    ("put_item", {**T, "Item": {**KEY, "pk": {"N": "1"}}}),
    ("put_item", {**T, "Item": {**KEY, "n": {"N": "seven"}}}),
    ("put_item", {**T, "Item": {**KEY, "empty": {"SS": []}}}),
    ("put_item", {"TableName": "unknown", "Item": ITEM}),
    ("put_item", {**T, "Item": {**KEY, "large": {"S": "x" * 500_000}}}),
    ("get_item", {**T, "Key": KEY, "ConsistentRead": True}),
    ("get_item", {**T, "Key": KEY, "ReturnConsumedCapacity": "INDEXES"}),
    ("get_item", {**T, "Key": KEY, "ProjectionExpression": "n, #l", "ExpressionAttributeNames": {"#l": "list"}}),
    ("get_item", {**T, "Key": KEY, "ProjectionExpression": "b, bytes"}),
    ("get_item", {**T, "Key": {"pk": {"S": "a"}}}),
    ("get_item", {"TableName": "unknown", "Key": KEY}),
    ("update_item", update("SET expiresAt = :e", "n = :n AND expiresAt > :now", e=n(5), n=n(1), now=n(0))),
    ("update_item", update("SET expiresAt = :e", "n = :n AND expiresAt > :now", e=n(6), n=n(2), now=n(0))),
    ("update_item", update("SET expiresAt = :e", "n = :n AND expiresAt > :now", e=n(6), n=n(1), now=n(0))),
    ("update_item", {**update("SET n = n + :one", one=n(1)), "ReturnValues": "UPDATED_NEW"}),
    ("update_item", {**update("SET n = n - :one", one=n(1)), "ReturnValues": "UPDATED_OLD"}),
    ("update_item", {**update("SET n = :two", two=n(2)), "ReturnValues": "ALL_OLD"}),
    ("update_item", {**update("SET n = :one", one=n(1)), "ReturnValues": "NONE"}),
    ("update_item", update("SET p = if_not_exists(t, :p), t = :t REMOVE expiresAt", p={"B": b"1"}, t={"B": b"2"})),
    ("update_item", update("SET p = if_not_exists(t, :p), t = :t REMOVE expiresAt", p={"B": b"3"}, t={"B": b"4"})),
    ("update_item", update("SET #l = list_append(#l, :more)", names={"#l": "list"}, more={"L": [{"S": "m"}]})),
    ("update_item", update("SET #l = list_append(#l, :more)", names={"#l": "list"}, more={"L": [{"S": "m"}]})),
    ("update_item", update("SET #l[2].y = :v, #l[0] = :v REMOVE #l[1], #l[3]", names={"#l": "list"}, v=n(9))),
    (
        "update_item",
        update("ADD n :five, names :names DELETE numbers :x", five=n(5), names={"SS": ["y"]}, x={"NS": ["1.5"]}),
    ),
    ("update_item", update("SET pk = :v", v={"S": "other"})),
    ("update_item", update("SET n = :unknown", v=n(1))),
    ("update_item", update("SET n = :v, m = :unknown", v=n(1))),
    ("update_item", update("SET n = :v, n = :v", v=n(1))),
    ("update_item", update("SET n = :v SET m = :v", v=n(1))),
    ("update_item", update("SET nope.deeper = :v", v=n(1))),
    ("update_item", update("SET names = names + :v", v=n(1))),
    ("update_item", update("SET list = :v", v=n(1))),  # a reserved word
    ("update_item", update("SET = :v", v=n(1))),
    ("update_item", update("SET n = :v", "n = ", v=n(1))),
    ("update_item", update("SET n = :v", "n = :v AND", v=n(1))),
    ("update_item", {**update("SET n = :v", v=n(1)), "Key": {"pk": {"S": "new"}, "sk": {"S": "new"}}}),
    ("update_item", {**update("SET n = :v", "n = :v", v=n(1)), "Key": {"pk": {"S": "newer"}, "sk": {"S": "1"}}}),
    ("update_item", {**T, "Key": KEY, "AttributeUpdates": {"n": {"Value": n(3), "Action": "PUT"}}}),
    ("update_item", {**update("SET n = :v", v=n(1)), "TableName": "unknown"}),
    ("batch_write_item", {"RequestItems": {"T": MANY}}),
    ("batch_write_item", {"RequestItems": {"T": MANY * 2}}),  # too many
    ("batch_write_item", {"RequestItems": {"unknown": MANY}}),
    ("batch_get_item", {"RequestItems": {"T": {"Keys": [KEY, {"pk": {"S": "no"}, "sk": {"S": "no"}}]}}}),
    ("batch_get_item", {"RequestItems": {"T": {"Keys": [KEY, KEY]}}}),
    ("query", QUERY),
    ("query", {**QUERY, "Limit": 3, "ScanIndexForward": False}),
    ("query", {**QUERY, "Limit": 3, "ExclusiveStartKey": {"pk": {"S": "many"}, "sk": {"S": "12"}}}),
    ("query", {**QUERY, "Select": "COUNT", "ReturnConsumedCapacity": "TOTAL"}),
    (
        "query",
        {
            **QUERY,
            "FilterExpression": "n BETWEEN :low AND :high OR n IN (:x, :y)",
            "ExpressionAttributeValues": {
                ":pk": {"S": "many"},
                ":low": n(3),
                ":high": n(5),
                ":x": n(20),
                ":y": n(21),
            },
        },
    ),
    ("query", {**QUERY, "KeyConditionExpression": "n = :pk"}),
    (
        "query",
        {
            **T,
            "IndexName": "by-room",
            "KeyConditionExpression": "room = :r AND begins_with(sk, :one)",
            "ExpressionAttributeValues": {":r": {"S": "r"}, ":one": {"S": "1"}},
        },
    ),
    ("query", {**QUERY, "IndexName": "unknown"}),
    ("scan", T),
    ("scan", {**T, "Limit": 2}),
    ("scan", {**T, "FilterExpression": "size(pk) > :n", "ExpressionAttributeValues": {":n": n(3)}, "Select": "COUNT"}),
    ("scan", {**T, "Segment": 0, "TotalSegments": 2}),
    (
        "transact_write_items",
        {
            "TransactItems": [
                {"Update": {k: v for k, v in update("SET n = :v", "n = :v", v=n(77)).items() if k != "ReturnValues"}},
                {"Put": {**T, "Item": {**KEY, "sk": {"S": "2"}}}},
            ]
        },
    ),
    (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {**T, "Item": {**KEY, "sk": {"S": "2"}}}},
                {"Delete": {**T, "Key": {"pk": {"S": "many"}, "sk": {"S": "1"}}}},
                {"ConditionCheck": {**T, "Key": KEY, "ConditionExpression": "attribute_exists(pk)"}},
            ]
        },
    ),
    ("transact_write_items", {"TransactItems": [{"Put": {**T, "Item": ITEM}}, {"Put": {**T, "Item": ITEM}}]}),
    ("transact_write_items", {"TransactItems": [{"Put": {"TableName": "unknown", "Item": ITEM}}]}),
    (
        "transact_get_items",
        {"TransactItems": [{"Get": {**T, "Key": KEY}}, {"Get": {**T, "Key": {**KEY, "sk": {"S": "x"}}}}]},
    ),
    ("delete_item", {**T, "Key": KEY, "ConditionExpression": "n = :v", "ExpressionAttributeValues": {":v": n(1234)}}),
    ("delete_item", {**T, "Key": KEY, **FAILING}),
    ("delete_item", {**T, "Key": KEY, "ReturnValues": "ALL_OLD"}),
    ("delete_item", {**T, "Key": KEY}),
    ("scan", T),
    ("execute_statement", {"Statement": "SELECT * FROM T WHERE pk = 'many'"}),
    ("describe_endpoints", {}),
    ("delete_table", {"TableName": "unknown"}),
    ("delete_table", T),
    ("get_item", {**T, "Key": KEY}),
]
VOLATILE = {"CreationDateTime", "TableId", "LatestStreamLabel", "LatestStreamArn", "RequestId", "HTTPHeaders", "date"}


def stable(value: Any) -> Any:
    """The value without what differs from call to call."""
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items() if key not in VOLATILE}
    return [stable(item) for item in value] if isinstance(value, list) else value


def outcome(dynamodb: Any, method: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        response = getattr(dynamodb, method)(**arguments)
    except ClientError as error:
        response = error.response
    return stable(response), response["ResponseMetadata"]["HTTPHeaders"]


def test_every_operation_answers_as_on_motos_own_server() -> None:
    with started(OURS) as ours, started(MOTO) as motos:
        here = client("dynamodb", ours["port"], parameter_validation=False)
        there = client("dynamodb", motos["port"], parameter_validation=False)
        here.meta.events.register("before-parse.dynamodb", crc_is_right)
        for number, (method, arguments) in enumerate(OPERATIONS):
            case = f"operation {number}: {method}({arguments})"
            got, headers = outcome(here, method, arguments)
            expected, expected_headers = outcome(there, method, arguments)
            if expected["ResponseMetadata"]["HTTPStatusCode"] == 500:
                assert got["ResponseMetadata"] == expected["ResponseMetadata"], case
                continue
            assert got == expected, case
            for name in ("content-type", "x-amzn-errortype"):
                assert headers.get(name) == expected_headers.get(name), (case, name)
            assert ("x-amz-crc32" in headers) == ("x-amz-crc32" in expected_headers), case
            assert len(headers["x-amzn-requestid"]) == 52, case


def crc_is_right(response_dict: dict[str, Any], **_: object) -> None:
    if "x-amz-crc32" in response_dict["headers"]:
        assert int(response_dict["headers"]["x-amz-crc32"]) == zlib.crc32(response_dict["body"])
