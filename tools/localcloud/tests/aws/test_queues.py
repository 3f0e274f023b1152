"""Several clients at one queue, and what moto does at its edges."""

from __future__ import annotations

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from moto.sqs.models import SQSBackend

from localcloud.aws import calls, queues
from localcloud.errors import LocalError
from localcloud.template import Stack

from . import endpoints

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sqs() -> Iterator[Any]:
    with endpoints.started(endpoints.OURS) as ready:
        yield endpoints.client("sqs", ready["port"])


def test_nothing_is_lost_repeated_or_left_when_many_send_receive_and_delete_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = ((holder, name) for holder, names in queues.CHANGED.items() for name in names)
    for holder, name in (*changed, (SQSBackend, "receive_message")):
        monkeypatch.setattr(holder, name, getattr(holder, name))  # to have them back
    queues.install()
    backend = SQSBackend("us-east-1", "123456789012")
    backend.create_queue("crowded")
    threads, each = 4, 80

    def send(sender: int) -> None:
        for number in range(each):
            backend.send_message("crowded", f"{sender}-{number}")

    def receive(_: int) -> list[str]:
        bodies: list[str] = []
        while messages := backend.receive_message("crowded", 3, 1, 30):
            for message in messages:
                bodies.append(message.body)
                backend.delete_message("crowded", str(message.receipt_handle))
        return bodies

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads interrupt each other where it hurts
    try:
        with ThreadPoolExecutor(2 * threads) as pool:
            sent = [pool.submit(send, number) for number in range(threads)]
            received = [pool.submit(receive, number) for number in range(threads)]
            for future in sent:
                future.result()
            bodies = [body for future in received for body in future.result()]
    finally:
        sys.setswitchinterval(interval)
    assert Counter(bodies) == {f"{sender}-{number}": 1 for sender in range(threads) for number in range(each)}
    assert backend.queues["crowded"]._messages == []


def test_a_long_poll_wakes_for_a_message_that_becomes_visible(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="hidden", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="again")
    for count in ("1", "2"):
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, AttributeNames=["All"])
        assert [message["Attributes"]["ApproximateReceiveCount"] for message in answer["Messages"]] == [count]


def test_a_message_group_in_flight_keeps_others_waiting_and_lets_deletions_through(sqs: Any) -> None:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="ordered.fifo", Attributes=attributes)["QueueUrl"]
    for body in ("first", "second"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    (first,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        began = time.monotonic()
        sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
        (second,) = waiting.result()["Messages"]
    assert (first["Body"], second["Body"]) == ("first", "second")
    assert time.monotonic() - began < 15, "the wait has not kept the deletion waiting"


def test_queues_of_a_template_are_made_whatever_their_order() -> None:
    resources = {
        "Jobs": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "VisibilityTimeout": 60,
                "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3},
                "SqsManagedSseEnabled": True,
            },
        },
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": False, "MessageRetentionPeriod": 1209600}},
        "Ordered": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"FifoQueue": True, "ContentBasedDeduplication": True, "QueueName": "o.fifo"},
        },
    }
    stack = Stack("App", {"Resources": resources})
    stack.region = endpoints.REGION
    made = [call.as_dict() for call in calls.create(stack)]
    with endpoints.started(endpoints.OURS, calls=made) as ready:
        sqs = endpoints.client("sqs", ready["port"])
        attributes = {
            id_: sqs.get_queue_attributes(QueueUrl=stack.ref(id_), AttributeNames=["All"])["Attributes"]
            for id_ in resources
        }
    assert attributes["Jobs"]["VisibilityTimeout"] == "60"
    assert '"maxReceiveCount": 3' in attributes["Jobs"]["RedrivePolicy"]
    assert ":App-Dead" in attributes["Jobs"]["RedrivePolicy"]
    assert attributes["Dead"]["MessageRetentionPeriod"] == "1209600"
    assert attributes["Ordered"]["ContentBasedDeduplication"] == "true"


def test_a_dead_letter_queue_of_nowhere_is_named_with_its_queue() -> None:
    policy = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:1:other", "maxReceiveCount": 3}
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": policy}}
    with pytest.raises(LocalError, match=r"App.Jobs: its dead-letter queue arn:aws:sqs:us-east-1:1:other is not"):
        list(calls.create(Stack("App", {"Resources": {"Jobs": queue}})))
