import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from backend import aws
from backend.ports import UnavailableError
from backend.queues import SqsQueue


@pytest.fixture
def url() -> Iterator[str]:
    with mock_aws():
        yield aws.sqs().create_queue(QueueName="q")["QueueUrl"]


def received(url: str) -> list[str]:
    client = aws.sqs()
    found: list[str] = []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
    return found


def calls(queue: SqsQueue) -> list[int]:
    """The number of messages in each call from now on."""
    counts: list[int] = []
    queue._client.meta.events.register(
        "provide-client-params.sqs.SendMessageBatch", lambda params, **_: counts.append(len(params["Entries"]))
    )
    return counts


def test_many_messages_go_ten_a_call(url: str) -> None:
    queue = SqsQueue(url)
    counts = calls(queue)
    queue.put([str(number) for number in range(25)])
    assert counts == [10, 10, 5]
    assert sorted(received(url), key=int) == [str(number) for number in range(25)]


def test_large_messages_go_as_many_a_call_as_fit(url: str) -> None:
    queue = SqsQueue(url)
    counts = calls(queue)
    queue.put(["\N{EURO SIGN}" * 40_000] * 4)
    assert counts == [2, 2]


def test_characters_that_sqs_refuses_arrive_all_the_same(url: str) -> None:
    text = json.dumps({"a": "\ufffe\uffff\x1f\u2028"}, ensure_ascii=False)
    SqsQueue(url).put([text])
    (body,) = received(url)
    assert not set(body) & {"\ufffe", "\uffff"}
    assert json.loads(body) == json.loads(text)


@pytest.mark.parametrize(("ours", "raised"), [(False, UnavailableError), (True, RuntimeError)])
def test_a_message_that_is_not_taken_is_an_error(
    url: str, monkeypatch: pytest.MonkeyPatch, *, ours: bool, raised: type[Exception]
) -> None:
    queue = SqsQueue(url)
    answer: Any = {"Failed": [{"Id": "0", "Code": "Trouble", "SenderFault": ours}]}
    monkeypatch.setattr(queue._client, "send_message_batch", lambda **_: answer)
    with pytest.raises(raised, match="Trouble"):
        queue.put(["1"])
