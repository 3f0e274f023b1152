"""Jobs that a pod has received when it drains."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pods.sockets.jobs import Jobs
from tests.e2e.socket_pods.fleet import KEYS, Fleet
from tests.processes import eventually


class Slow:
    """A worker whose first job takes until it is told."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.done: list[str] = []

    def run(self, text: str, _now: float) -> bool:
        self.begun.set()
        self.go_on.wait(20)
        self.done.append(text)
        return True


def test_what_has_been_received_is_done_and_nothing_more(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left undone, they would be hidden from everybody until their visibility timeout, minutes on AWS."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    sqs = fleet.client("sqs")
    url = sqs.create_queue(QueueName="received", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    worker: Any = Slow()
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": name, "MessageBody": name} for name in "abc"])
    jobs = Jobs(url, worker)
    jobs._sqs = sqs
    jobs.start()
    assert worker.begun.wait(20)
    sqs.send_message(QueueUrl=url, MessageBody="d")
    jobs.stop()
    worker.go_on.set()
    jobs._thread.join(20)
    assert sorted(worker.done) == ["a", "b", "c"]

    def left() -> tuple[int, int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return int(counts[names[0]]), int(counts[names[1]])

    eventually(lambda: left() == (1, 0), "the last one alone")
