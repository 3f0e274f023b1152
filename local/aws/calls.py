"""The AWS API calls that create a template's resources in the local cloud, as CloudFormation would make them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from local import resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.template import Stack


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an AWS client: its service, its method, and the arguments."""

    service: str
    method: str
    arguments: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As JSON carries it to the process that makes it."""
        return asdict(self)


def create(stack: Stack) -> Iterator[Call]:
    """The calls for every resource of a stack that the local cloud keeps, in order."""
    for logical_id in stack.resources(resources.TABLE, resources.GLOBAL_TABLE):
        with stack.reading(logical_id):
            yield from _table(stack, logical_id)


def _table(stack: Stack, logical_id: str) -> Iterator[Call]:
    """A table of either type. Capacity and encryption make no difference here, so every table is on demand."""
    properties = stack.properties(logical_id)
    name = stack.ref(logical_id)
    shape = {
        key: [
            {part: value for part, value in item.items() if part in {"IndexName", "KeySchema", "Projection"}}
            if key.endswith("Indexes")
            else item
            for item in properties[key]
        ]
        for key in ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        if properties.get(key)
    }
    yield Call("dynamodb", "create_table", {"TableName": name, "BillingMode": "PAY_PER_REQUEST", **shape})
    ttl = properties.get("TimeToLiveSpecification") or {}
    if ttl.get("Enabled") and ttl.get("AttributeName"):
        specification = {"Enabled": True, "AttributeName": ttl["AttributeName"]}
        yield Call("dynamodb", "update_time_to_live", {"TableName": name, "TimeToLiveSpecification": specification})
