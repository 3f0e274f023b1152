"""Triggers of a small template, at work: what a queue gets reaches a function, and what a schedule says happens."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from localcloud.testing import Running, alive, children, eventually, running

from .. import assemblies

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


HANDLERS = """
import json, time

def worker(event, context):
    print("batch", json.dumps(event))
    bodies = {record["messageId"]: record["body"] for record in event["Records"]}
    if "raise" in bodies.values():
        raise ValueError("no")
    failed = [id_ for id_, body in bodies.items() if body == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failed]}

def tick(event, context):
    print("tick", json.dumps([time.time(), event]))
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    builder = assemblies.Builder()
    builder.function("Worker", "handlers.worker", Timeout=1)
    builder.function("Tick", "handlers.tick")
    for name in ("Jobs", "Slow"):
        builder.add(f"{name}Dead", "AWS::SQS::Queue")
        redrive = {"deadLetterTargetArn": {"Fn::GetAtt": [f"{name}Dead", "Arn"]}, "maxReceiveCount": 2}
        builder.add(name, "AWS::SQS::Queue", VisibilityTimeout=2, RedrivePolicy=redrive)
    common = {"FunctionName": {"Ref": "Worker"}, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    mapping = "AWS::Lambda::EventSourceMapping"
    builder.add("JobsMapping", mapping, EventSourceArn={"Fn::GetAtt": ["Jobs", "Arn"]}, **common)
    window = {"BatchSize": 20, "MaximumBatchingWindowInSeconds": 30}
    builder.add("SlowMapping", mapping, EventSourceArn={"Fn::GetAtt": ["Slow", "Arn"]}, **common, **window)
    target = {"Id": "T", "Arn": {"Fn::GetAtt": ["Tick", "Arn"]}}
    builder.add("Minutely", "AWS::Events::Rule", ScheduleExpression="rate(1 minute)", Targets=[target])
    folder = builder.write(tmp_path_factory.mktemp("assembly"), HANDLERS)
    with running(folder, "--assembly", str(folder), "--time-scale", "60") as cloud:
        yield cloud


@pytest.fixture(scope="module")
def sqs(cloud: Running) -> Any:
    """A client, once the function has its worker: visibility timeouts here are too short for a cold start."""
    client = boto3.client(
        "sqs",
        endpoint_url=cloud.aws,
        region_name=cloud.ready["region"],
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    client.send_message(QueueUrl=url("Jobs"), MessageBody="warm")
    cloud.printed('"body": "warm"')
    return client


def url(name: str) -> str:
    """As `Ref` gives it, and a handler has it in its environment."""
    return f"https://sqs.us-east-1.amazonaws.com/123456789012/ChatLambda-{name}"


def printed(cloud: Running, word: str) -> list[Any]:
    """What handlers have printed after this word."""
    return [json.loads(line.split(f" {word} ", 1)[1]) for line in list(cloud.lines) if f"] {word} " in line]


def batches(cloud: Running, marks: set[str]) -> list[list[str]]:
    """The batches that held one of these messages, as the ids in them."""
    found = [[record["messageId"] for record in event["Records"]] for event in printed(cloud, "batch")]
    return [batch for batch in found if marks & set(batch)]


def dead(sqs: Any, name: str) -> dict[str, str]:
    """A message that has moved to a dead-letter queue."""

    def message() -> Any:
        return sqs.receive_message(QueueUrl=url(name), AttributeNames=["All"], VisibilityTimeout=0).get("Messages")

    (found,) = eventually(message, f"a message in {name}")
    return dict(found)


def test_a_message_reaches_the_function_as_lambda_has_it(cloud: Running, sqs: Any) -> None:
    attributes = {"kind": {"DataType": "String", "StringValue": "greeting"}}
    sent = sqs.send_message(QueueUrl=url("Jobs"), MessageBody="hello", MessageAttributes=attributes)

    def record() -> Any:
        records = [record for event in printed(cloud, "batch") for record in event["Records"]]
        return next((record for record in records if record["messageId"] == sent["MessageId"]), None)

    found = eventually(record, "the message in the function")
    assert found["attributes"].keys() >= {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
    assert found["messageAttributes"] == {
        "kind": {"stringValue": "greeting", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
    }
    assert found["body"] == "hello"
    assert found["md5OfBody"] == sent["MD5OfMessageBody"]
    assert found["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:ChatLambda-Jobs"


def test_what_is_done_is_deleted_and_what_has_failed_comes_again_until_it_is_dead(cloud: Running, sqs: Any) -> None:
    entries = [{"Id": body, "MessageBody": body} for body in ("good", "bad", "fine")]
    sent = sqs.send_message_batch(QueueUrl=url("Slow"), Entries=entries)["Successful"]
    ids = {one["Id"]: one["MessageId"] for one in sent}
    assert dead(sqs, "SlowDead")["MessageId"] == ids["bad"]
    received = Counter(id_ for batch in batches(cloud, set(ids.values())) for id_ in batch)
    assert received == {ids["good"]: 1, ids["bad"]: 2, ids["fine"]: 1}
    left = sqs.get_queue_attributes(QueueUrl=url("Slow"), AttributeNames=["All"])["Attributes"]
    assert left["ApproximateNumberOfMessages"] == left["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_function_that_raises_leaves_the_whole_batch(cloud: Running, sqs: Any) -> None:
    id_ = sqs.send_message(QueueUrl=url("Jobs"), MessageBody="raise")["MessageId"]
    assert dead(sqs, "JobsDead")["MessageId"] == id_
    assert batches(cloud, {id_}) == [[id_], [id_]]


def test_a_schedule_fires_by_the_clock_of_the_cloud(cloud: Running) -> None:
    began = time.monotonic()
    ticks = eventually(lambda: len(found := printed(cloud, "tick")) >= 4 and found, "four ticks")
    assert time.monotonic() - began < 30, "an hour's worth of minutes takes a minute"
    events = [event for _, event in ticks]
    assert events[0]["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/ChatLambda-Minutely"]
    assert events[0]["source"] == "aws.events"
    assert len({event["id"] for event in events}) == len(events)
    stamps = sorted(time.mktime(time.strptime(event["time"], "%Y-%m-%dT%H:%M:%SZ")) for event in events)
    assert {later - earlier for earlier, later in itertools.pairwise(stamps)} == {60}


def test_pollers_and_timers_end_with_the_cloud(tmp_path: Any) -> None:
    builder = assemblies.Builder()
    builder.function("Worker", "handlers.worker")
    builder.add("Jobs", "AWS::SQS::Queue")
    arn = {"Fn::GetAtt": ["Jobs", "Arn"]}
    builder.add("Mapping", "AWS::Lambda::EventSourceMapping", EventSourceArn=arn, FunctionName={"Ref": "Worker"})
    folder = builder.write(tmp_path, HANDLERS)
    with running(folder, "--assembly", str(folder)) as cloud:
        processes = children(cloud.process.pid)
        began = time.monotonic()
        assert cloud.stop() == 0
        assert time.monotonic() - began < 15, "a long poll takes 20 seconds"
    assert alive(processes) == []
