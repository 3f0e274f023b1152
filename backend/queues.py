"""Queues in SQS."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from backend import aws
from backend.ports import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

# One call: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_ENTRIES = 10
_BYTES = 256 * 1024
# The characters that a JSON text may have in it as they are and an SQS message may not.
_UNWELCOME = re.compile("[\ufffe\uffff]")


class SqsQueue:
    """The Queue port on one SQS queue. Bodies are JSON texts."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _client(self) -> "SQSClient":
        return aws.sqs()  # made by the first environment that needs it

    def prepare(self) -> None:
        """Make the client now: where threads come for it at once, each would make one."""
        self._client  # noqa: B018

    def put(self, bodies: Sequence[str]) -> None:
        """One SendMessageBatch for every ten messages, or 256 KiB."""
        for batch in _batches([_UNWELCOME.sub(_escaped, body) for body in bodies]):
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
            with aws.translated():
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
            if failed := answer.get("Failed"):
                if any(entry["SenderFault"] for entry in failed):
                    raise RuntimeError(f"SQS refuses a message: {failed[0]['Code']}")
                raise UnavailableError(failed[0]["Code"])


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if batch and (len(batch) == _ENTRIES or size + length > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
