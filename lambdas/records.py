"""Records of SQS, one by one."""

from collections.abc import Callable
from typing import Any


def failures(event: dict[str, Any], run: Callable[[str], bool]) -> dict[str, Any]:
    """What Lambda wants to know of a batch: the messages that stay in the queue, those for which `run` is False.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    failed = [record["messageId"] for record in event["Records"] if not run(record["body"])]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
