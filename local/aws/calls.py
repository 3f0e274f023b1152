"""The AWS API calls that create a template's resources in the local cloud, as CloudFormation would make them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from local import resources
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.template import Stack


# What makes a difference here: encryption and who may send do not.
_QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)


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
    yield from _queues(stack)


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


def _queues(stack: Stack) -> Iterator[Call]:
    """Every queue, then what leads from one to another, so that their order does not matter."""
    queues = {stack.attribute(logical_id, "Arn"): logical_id for logical_id in stack.resources(resources.QUEUE)}
    for logical_id in queues.values():
        with stack.reading(logical_id):
            properties = stack.properties(logical_id)
            attributes = {name: _text(properties[name]) for name in _QUEUE_ATTRIBUTES if name in properties}
            if attributes.get("FifoQueue") == "false":
                del attributes["FifoQueue"]  # SQS wants it true or absent
            name = stack.attribute(logical_id, "QueueName")
            yield Call("sqs", "create_queue", {"QueueName": name, "Attributes": attributes})
    for logical_id in queues.values():
        with stack.reading(logical_id):
            policy = stack.property(logical_id, "RedrivePolicy")
            if not policy:
                continue
            policy = json.loads(policy) if isinstance(policy, str) else policy
            if policy["deadLetterTargetArn"] not in queues:
                target = policy["deadLetterTargetArn"]
                raise LocalError(f"{stack.name}.{logical_id}: its dead-letter queue {target} is not one of this stack")
            redrive = {"RedrivePolicy": json.dumps(policy)}
            yield Call("sqs", "set_queue_attributes", {"QueueUrl": stack.ref(logical_id), "Attributes": redrive})


def _text(value: object) -> str:
    """As SQS takes attributes: in text."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
