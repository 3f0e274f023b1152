"""What DynamoDB would bill for item operations, from the items as they are.

Sources: "DynamoDB read and write operations" and "DynamoDB item sizes and formats", Amazon DynamoDB Developer Guide: a
write costs a unit for each KB of the item, the larger of before and after, twice that in a transaction, and as much
when its condition fails; a read one for each 4 KB, half that without consistency, twice that in a transaction, for at
least one item; a Query and a Scan for the sum of what they read. Indexes are not counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
#: moto's names for the errors of writes that cost what the write would have.
_BILLED = ("ConditionalCheckFailed", "TransactionCanceledException")

Units = dict[tuple[str, str], float]  # by table, and "read" or "write"


class Bill:
    """One operation: made before it is carried out, asked after it."""

    def __init__(self, operation: str, body: Mapping[str, Any], account: str, region: str) -> None:
        """`body` is the request."""
        self._operation, self._body = operation, body
        self._tables = dynamodb_backends[account][region].tables
        self._before = [(name, key, self._stored(name, key)) for name, key in self._written()]

    def units(self, result: Mapping[str, Any] | None, error: str = "") -> Units:
        """What it cost: `result` is the answer, or `error` the name of what it failed with. None when it is unknown."""
        found: defaultdict[tuple[str, str], float] = defaultdict(float)
        twice = 2 if self._operation.startswith("Transact") else 1
        if result is not None or error in _BILLED:
            for name, key, before in self._before:
                found[name, "write"] += twice * _writes(max(before, self._stored(name, key)))
        if result is not None:
            for name, size, consistent in self._read(result):
                found[name, "read"] += twice * _reads(size) * (1 if consistent or twice == 2 else 0.5)
        return found

    def _written(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        body = self._body
        if self._operation in _WRITES:
            yield body["TableName"], body.get("Key") or body["Item"]
        elif self._operation == "TransactWriteItems":
            for entry in body["TransactItems"]:
                for write in entry.values():
                    yield write["TableName"], write.get("Key") or write["Item"]
        elif self._operation == "BatchWriteItem":
            for name, requests in body["RequestItems"].items():
                for request in requests:
                    for write in request.values():
                        yield name, write.get("Key") or write["Item"]

    def _read(self, result: Mapping[str, Any]) -> Iterator[tuple[str, int, bool]]:
        """Table, bytes and consistency of everything that is billed as one read."""
        body = self._body
        if self._operation == "GetItem":
            yield body["TableName"], self._stored(body["TableName"], body["Key"]), bool(body.get("ConsistentRead"))
        elif self._operation in {"Query", "Scan"}:
            yield body["TableName"], self._scanned(result), bool(body.get("ConsistentRead"))
        elif self._operation == "TransactGetItems":
            for entry in body["TransactItems"]:
                name = entry["Get"]["TableName"]
                yield name, self._stored(name, entry["Get"]["Key"]), True
        elif self._operation == "BatchGetItem":
            for name, request in body["RequestItems"].items():
                for key in request["Keys"]:
                    yield name, self._stored(name, key), bool(request.get("ConsistentRead"))

    def _scanned(self, result: Mapping[str, Any]) -> int:
        """Bytes that were looked at. Where the answer has not all of them, so many items of the table's mean size."""
        count = int(result.get("ScannedCount", 0))
        body = self._body
        if not body.get("ProjectionExpression") and count == len(result.get("Items", ())):
            return sum(map(_size, result.get("Items", ())))
        sizes = [_size(item.attrs) for item in self._tables[body["TableName"]].all_items()]
        return math.ceil(count * sum(sizes) / len(sizes)) if sizes else 0

    def _stored(self, name: str, key: Mapping[str, Any]) -> int:
        """Bytes of the item under a key, 0 when there is none, or no such table."""
        if (table := self._tables.get(name)) is None:
            return 0
        parts = [DynamoType(key[part]) for part in (table.hash_key_attr, table.range_key_attr) if part]
        item = table.get_item(parts[0], parts[1] if len(parts) == 2 else None)
        return 0 if item is None else _size(item.attrs)


def _writes(size: int) -> int:
    return max(1, math.ceil(size / 1024))


def _reads(size: int) -> int:
    return max(1, math.ceil(size / 4096))


def _size(item: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(typed: Any) -> int:
    kind, value = (typed.type, typed.value) if isinstance(typed, DynamoType) else next(iter(typed.items()))
    match kind:
        case "S" | "B":
            size = _bytes(value)
        case "N":
            size = _number(str(value))
        case "SS" | "BS":
            size = sum(map(_bytes, value))
        case "NS":
            size = sum(_number(str(number)) for number in value)
        case "L":
            size = 3 + sum(1 + _value(element) for element in value)
        case "M":
            size = 3 + sum(len(name.encode()) + 1 + _value(element) for name, element in value.items())
        case _:  # NULL, BOOL
            size = 1
    return size


def _bytes(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)


def _number(text: str) -> int:
    digits = text.lstrip("-").replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1
