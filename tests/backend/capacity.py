"""What DynamoDB would bill for the calls of a client: units by its published rules, from the items as they are.

Source: "DynamoDB read and write operations", Amazon DynamoDB Developer Guide: a write costs a unit for each KB of the
item, the larger of before and after, twice that in a transaction, and as much when its condition fails; a read one for
each 4 KB, half that without consistency, at least for one item, and a Query for the sum of what it reads.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backend import aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

Item = Mapping[str, Mapping[str, Any]]


class Bill:
    """Calls by operation, and their read and write units."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = table
        self._reader = aws.dynamodb()  # a client of its own, whose calls do not count
        self._before: dict[str, int] = {}
        client.meta.events.register("before-parameter-build.dynamodb", self._remember)
        client.meta.events.register("after-call.dynamodb", self._count)
        self._requests: list[tuple[str, dict[str, Any]]] = []
        self.clear()

    def clear(self) -> None:
        """Begin again."""
        self.calls: Counter[str] = Counter()
        self.reads = self.writes = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"calls": dict(sorted(self.calls.items())), "readUnits": self.reads, "writeUnits": self.writes}

    def _remember(self, params: dict[str, Any], model: Any, **_: object) -> None:
        self._requests.append((model.name, params))
        self._before = {repr(key): self._size(key) for key in _written(model.name, params)}

    def _count(self, parsed: dict[str, Any], model: Any, **_: object) -> None:
        name, params = self._requests.pop()
        assert name == model.name
        self.calls[name] += 1
        if name in {"GetItem", "Query"}:
            found = [parsed["Item"]] if "Item" in parsed else parsed.get("Items", [])
            units = max(1, math.ceil(sum(map(size, found)) / 4096))
            self.reads += units if params.get("ConsistentRead") else units / 2
        for key in _written(name, params):
            units = max(1, math.ceil(max(self._before[repr(key)], self._size(key)) / 1024))
            self.writes += 2 * units if name == "TransactWriteItems" else units

    def _size(self, key: Item) -> int:
        found = self._reader.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return size(found.get("Item", {}))


def _written(name: str, params: dict[str, Any]) -> list[Item]:
    """The keys of the items that a call writes."""
    if name == "TransactWriteItems":
        return [key for entry in params["TransactItems"] for key in _keys(*entry.values())]
    return _keys(params) if name in {"PutItem", "UpdateItem", "DeleteItem"} else []


def _keys(write: dict[str, Any]) -> list[Item]:
    item = write.get("Key") or write["Item"]
    return [{"pk": item["pk"], "sk": item["sk"]}]


def size(item: Item) -> int:
    """Bytes: names and values. "DynamoDB item sizes and formats", Amazon DynamoDB Developer Guide."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.lstrip("-").strip("0")) / 2) + 1
        case "B":
            return len(content)
        case "SS":
            return sum(len(text.encode()) for text in content)
        case _:
            raise ValueError(f"no item here has a value of the kind {kind}")
