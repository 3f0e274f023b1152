from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.triggers import queues
from localcloud.triggers.definitions import QueueMapping

IDS = {"a", "b"}


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": "c"}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": ""}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": ["a"]}]}, None),
        ({"batchItemFailures": [{"id": "a"}]}, None),
        ({"batchItemFailures": ["a"]}, None),
        ({"batchItemFailures": "a"}, None),
        ("done", None),
        ([], None),
    ],
)
def test_an_answer_names_the_failures_of_a_batch(answer: Any, failed: set[str] | None) -> None:
    assert queues.failures(json.dumps(answer).encode(), IDS) == failed


def test_an_answer_that_is_not_json_makes_the_whole_batch_fail() -> None:
    assert queues.failures(b"{", IDS) is None


def test_messages_become_lambdas_event() -> None:
    mapping = QueueMapping("arn:f", "arn:aws:sqs:us-east-1:123456789012:Jobs", "us-east-1")
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1", "SenderId": "x"}
    message = {
        "MessageId": "a",
        "ReceiptHandle": "handle",
        "Body": "höi",
        "MD5OfBody": "m",
        "Attributes": attributes,
        "MessageAttributes": {
            "text": {"DataType": "String", "StringValue": "t"},
            "bytes": {"DataType": "Binary", "BinaryValue": "AA=="},
        },
        "MD5OfMessageAttributes": "n",
    }
    lists: dict[str, list[str]] = {"stringListValues": [], "binaryListValues": []}
    record = {
        "messageId": "a",
        "receiptHandle": "handle",
        "body": "höi",
        "attributes": attributes,
        "messageAttributes": {
            "text": {"stringValue": "t", **lists, "dataType": "String"},
            "bytes": {"binaryValue": "AA==", **lists, "dataType": "Binary"},
        },
        "md5OfBody": "m",
        "md5OfMessageAttributes": "n",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:Jobs",
        "awsRegion": "us-east-1",
    }
    assert json.loads(queues.event(mapping, [message])) == {"Records": [record]}
