"""Event source mappings at work: what arrives in a queue goes to a function, and stays when that fails.

Source: "Using Lambda with Amazon SQS", AWS Lambda Developer Guide. A message that is left alone becomes visible again
after its queue's visibility timeout, and moves to the dead-letter queue when it has been received too often: both are
the queue's own doing.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from localcloud.aws.client import CallError, Client
from localcloud.gateway.effects import Returned

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from localcloud.clock import Clock
    from localcloud.functions.function import Function
    from localcloud.triggers.definitions import QueueMapping

_LONG_POLL = 20  # seconds: the longest that SQS lets one wait
_RECEIVE = _DELETE = 10  # messages: the most of one call
_LOOK_AGAIN = 0.1  # real seconds, while a batching window is open
_AFTER_ERROR = 1.0  # real seconds


class QueuePoller:
    """Feeds a function from a queue."""

    def __init__(
        self,
        mapping: QueueMapping,
        function: Function,
        *,
        url: str,
        limit: int,
        clock: Clock,
        report: Callable[[str, str], None],
    ) -> None:
        """`url` is the AWS endpoint; of more batches than `limit`, the workers that the function may have, some would
        only use their visibility timeout up."""
        self._mapping = mapping
        self._function = function
        self._clock = clock
        self._report = report
        self._queue_url = f"{url}/{'/'.join(mapping.queue_arn.split(':')[-2:])}"
        self._free = asyncio.Semaphore(min(limit, mapping.concurrency or limit))
        self._receiver, self._deleter = (Client(url, mapping.region, "sqs", "AmazonSQS") for _ in range(2))
        self._trouble = ""

    async def run(self) -> None:
        """Poll until cancelled."""
        try:
            async with asyncio.TaskGroup() as batches:
                while True:
                    await self._free.acquire()
                    messages = await self._batch()
                    task = batches.create_task(self._process(messages))
                    task.add_done_callback(lambda _: self._free.release())
        finally:
            self._receiver.close()
            self._deleter.close()

    async def _batch(self) -> list[dict[str, Any]]:
        """The next messages: what is there, or what comes within the batching window, which the first one opens."""
        size = self._mapping.batch_size
        messages: list[dict[str, Any]] = []
        while not messages:
            messages = await self._receive(size, _LONG_POLL)
        end = self._clock.now() + self._mapping.window
        while len(messages) < size and (left := end - self._clock.now()) > 0:
            more = await self._receive(size - len(messages), 0)
            messages += more
            if not more:
                await asyncio.sleep(min(_LOOK_AGAIN, left / self._clock.scale))
        return messages

    async def _receive(self, most: int, wait: int) -> list[dict[str, Any]]:
        answer = await self._ask(
            self._receiver.call(
                "ReceiveMessage",
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=min(most, _RECEIVE),
                WaitTimeSeconds=wait,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        )
        messages: list[dict[str, Any]] = answer.get("Messages") or []
        return messages

    async def _process(self, messages: list[dict[str, Any]]) -> None:
        """Invoke the function with a batch, and delete what it has dealt with."""
        outcome = await self._function.invoke(event(self._mapping, messages))
        if not isinstance(outcome, Returned):
            return
        kept = set[str]()
        if self._mapping.reports_failures:
            ids = {message["MessageId"] for message in messages}
            found = failures(outcome.payload, ids)
            if found is None:
                text = "its answer does not name failures of this batch as Lambda wants it: all of the batch has failed"
                self._report(self._function.spec.label, text)
            kept = ids if found is None else found
        done = [message for message in messages if message["MessageId"] not in kept]
        for start in range(0, len(done), _DELETE):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(done[start : start + _DELETE])
            ]
            await self._ask(self._deleter.call("DeleteMessageBatch", QueueUrl=self._queue_url, Entries=entries))

    async def _ask(self, call: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        """The answer, or nothing after a while: the endpoint has ended, or somebody has deleted the queue."""
        try:
            answer = await call
        except (CallError, OSError, EOFError) as error:
            if isinstance(error, CallError) and str(error) != self._trouble:
                self._trouble = str(error)
                self._report(self._function.spec.label, f"its queue {self._queue_url}: {error}")
            await asyncio.sleep(_AFTER_ERROR)
            return {}
        return answer


def event(mapping: QueueMapping, messages: list[dict[str, Any]]) -> bytes:
    """What Lambda makes of messages as ReceiveMessage gives them."""
    return json.dumps({"Records": [_record(mapping, message) for message in messages]}).encode()


def _record(mapping: QueueMapping, message: dict[str, Any]) -> dict[str, Any]:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {
                **({"stringValue": value["StringValue"]} if "StringValue" in value else {}),
                **({"binaryValue": value["BinaryValue"]} if "BinaryValue" in value else {}),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.queue_arn,
        "awsRegion": mapping.region,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def failures(answer: bytes, ids: set[str]) -> set[str] | None:
    """The message ids that a function has reported as failed; None when its answer makes the whole batch fail.

    Source: "Implementing partial batch responses", AWS Lambda Developer Guide. Nothing, `{}`, and a list that is empty
    or null mean success; an item without an id, or with one that is not the batch's, makes everything a failure.
    """
    try:
        value = json.loads(answer)
        items = (None if value is None else value.get("batchItemFailures")) or []
        found = {item["itemIdentifier"] for item in items}
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return found if found <= ids else None
