"""The AWS API calls that create a template's resources in the local cloud, as CloudFormation would make them."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from localcloud import resources
from localcloud.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.template import Stack


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
    makers = {
        resources.TABLE: _table,
        resources.GLOBAL_TABLE: _table,
        resources.PARAMETER: _parameter,
        resources.SECRET: _secret,
    }
    for kind, make in makers.items():
        for logical_id in stack.resources(kind):
            with stack.reading(logical_id):
                yield from make(stack, logical_id)
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


def _parameter(stack: Stack, logical_id: str) -> Iterator[Call]:
    properties = stack.properties(logical_id)
    arguments = {"Name": stack.ref(logical_id), "Value": properties["Value"], "Type": properties["Type"]}
    yield Call("ssm", "put_parameter", arguments)


def _secret(stack: Stack, logical_id: str) -> Iterator[Call]:
    """A secret with the value that the template gives, or one made up by its rules, anew at every start."""
    properties = stack.properties(logical_id)
    value = properties.get("SecretString")
    if value is None:
        value = _generated(properties.get("GenerateSecretString") or {})
    name = stack.ref(logical_id).rpartition(":secret:")[2]
    yield Call("secretsmanager", "create_secret", {"Name": name, "SecretString": value})


def _generated(rules: Mapping[str, Any]) -> str:
    """Source: AWS::SecretsManager::Secret GenerateSecretString, AWS CloudFormation User Guide. No punctuation."""
    kinds = {
        "ExcludeLowercase": string.ascii_lowercase,
        "ExcludeUppercase": string.ascii_uppercase,
        "ExcludeNumbers": string.digits,
    }
    allowed = "".join(letters for rule, letters in kinds.items() if not rules.get(rule))
    alphabet = [letter for letter in allowed if letter not in rules.get("ExcludeCharacters", "")]
    password = "".join(secrets.choice(alphabet) for _ in range(int(rules.get("PasswordLength", 32))))
    if "GenerateStringKey" not in rules:
        return password
    return json.dumps(json.loads(rules.get("SecretStringTemplate", "{}")) | {rules["GenerateStringKey"]: password})


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
