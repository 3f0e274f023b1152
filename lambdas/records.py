"""Records of SQS, one by one."""

from collections.abc import Callable

from lambdas.events import BatchResponse, QueueEvent


def failures(event: QueueEvent, run: Callable[[str], bool]) -> BatchResponse:
    """The messages of a batch that stay in the queue: those for which `run` is False."""
    failed = [record["messageId"] for record in event["Records"] if not run(record["body"])]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
