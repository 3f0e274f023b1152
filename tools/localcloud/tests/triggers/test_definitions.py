from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localcloud.errors import LocalError
from localcloud.template import Stack
from localcloud.triggers import definitions
from localcloud.triggers.definitions import QueueMapping, Timer, Triggers
from localcloud.triggers.schedule import At, Rate

from .. import assemblies

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:App-Worker"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:App-Jobs"


def arn(logical_id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def builder() -> assemblies.Builder:
    """A function that a queue, a rule and a schedule invoke."""
    builder = assemblies.Builder()
    builder.function("Worker", "handlers.worker", Timeout=10)
    builder.add("Jobs", "AWS::SQS::Queue")
    builder.add(
        "Mapping", "AWS::Lambda::EventSourceMapping", EventSourceArn=arn("Jobs"), FunctionName={"Ref": "Worker"}
    )
    target = {"Id": "Target0", "Arn": arn("Worker")}
    builder.add("Minutely", "AWS::Events::Rule", ScheduleExpression="rate(1 minute)", Targets=[target])
    builder.add(
        "Once",
        "AWS::Scheduler::Schedule",
        ScheduleExpression="at(1970-01-02T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn("Worker"), "Input": '{"a":1}', "RoleArn": "arn:aws:iam::123456789012:role/x"},
    )
    return builder


def read(builder: assemblies.Builder) -> Triggers:
    return definitions.read(Stack("App", {"Resources": builder.resources}))


def test_triggers_are_read() -> None:
    here = ("123456789012", "us-east-1")
    rule, once = (
        f"arn:aws:{what}"
        for what in (
            "events:us-east-1:123456789012:rule/App-Minutely",
            "scheduler:us-east-1:123456789012:schedule/default/App-Once",
        )
    )
    assert read(builder()) == Triggers(
        [QueueMapping(FUNCTION, QUEUE, "us-east-1")],
        [
            Timer(FUNCTION, Rate(60), rule, "aws.events", *here),
            Timer(FUNCTION, At(86400), once, "aws.scheduler", *here, '{"a":1}'),
        ],
    )


def test_a_mapping_is_read_with_its_settings() -> None:
    given = builder()
    given.resources["Mapping"]["Properties"] |= {
        "FunctionName": arn("Worker"),
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 5,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 2},
        "Enabled": True,
    }
    assert read(given).queues == [QueueMapping(FUNCTION, QUEUE, "us-east-1", 100, 5, 2, reports_failures=True)]


def test_what_is_disabled_and_what_waits_for_events_is_left_aside() -> None:
    given = builder()
    given.resources["Mapping"]["Properties"]["Enabled"] = False
    given.resources["Minutely"]["Properties"]["State"] = "DISABLED"
    given.resources["Once"]["Properties"]["State"] = "DISABLED"
    given.add("Events", "AWS::Events::Rule", EventPattern={"source": ["aws.ecs"]}, Targets=[{"Arn": "arn:x"}])
    assert read(given) == Triggers()


def change(logical_id: str, **properties: Any) -> Callable[[assemblies.Builder], None]:
    return lambda builder: builder.resources[logical_id]["Properties"].update(properties)


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (change("Mapping", EventSourceArn="arn:aws:kinesis:x"), "App.Mapping: its EventSourceArn arn:aws:kinesis:x"),
        (change("Mapping", FunctionName="other"), "App.Mapping: other is not a Lambda function of this stack"),
        (change("Mapping", FilterCriteria={"Filters": [{}]}), "App.Mapping: FilterCriteria do not run here"),
        (change("Mapping", BatchSize=11), "App.Mapping: BatchSize is 1 to 10 (to 10000 with"),
        (change("Mapping", BatchSize=0), "App.Mapping: BatchSize is 1 to 10"),
        (change("Mapping", BatchSize="many"), "App.Mapping: a property has the wrong shape"),
        (change("Mapping", MaximumBatchingWindowInSeconds=301), "MaximumBatchingWindowInSeconds is 0 to 300"),
        (change("Mapping", ScalingConfig={"MaximumConcurrency": 1}), "App.Mapping: MaximumConcurrency is 2 to 1000"),
        (change("Jobs", VisibilityTimeout=5), "App.Mapping: Lambda refuses a queue whose VisibilityTimeout (5 s)"),
        (change("Minutely", ScheduleExpression="rate(1 minutes)"), "App.Minutely: 'rate(1 minutes)'"),
        (change("Minutely", Targets=[{"Arn": "arn:x"}]), "App.Minutely: arn:x is not a Lambda function"),
        (change("Minutely", Targets=[{"Arn": arn("Worker"), "InputPath": "$.x"}]), "App.Minutely: a target's"),
        (change("Minutely", Targets=[{"Arn": arn("Worker"), "Input": "{"}]), "App.Minutely: its target's Input"),
        (change("Once", ScheduleExpression="never"), "App.Once: 'never' is none of"),
        (change("Once", ScheduleExpressionTimezone="Mars"), "App.Once: there is no time zone 'Mars'"),
        (change("Once", EndDate="2030-01-01T00:00:00Z"), "App.Once: a schedule's EndDate does not run here"),
    ],
)
def test_what_cannot_run_is_named_by_its_logical_id(broken: Callable[[assemblies.Builder], None], text: str) -> None:
    given = builder()
    broken(given)
    with pytest.raises(LocalError) as error:
        read(given)
    assert text in str(error.value)


def test_a_fifo_queue_takes_no_batching_window() -> None:
    given = builder()
    change("Jobs", FifoQueue=True)(given)
    change("Mapping", MaximumBatchingWindowInSeconds=1)(given)
    with pytest.raises(LocalError, match="no MaximumBatchingWindowInSeconds for a FIFO queue"):
        read(given)


def test_a_queue_is_known_by_its_url_its_arn_and_its_name() -> None:
    given = builder()
    given.add("Ordered", "AWS::SQS::Queue", FifoQueue=True)
    given.add("Named", "AWS::SQS::Queue", QueueName="named.fifo", FifoQueue=True)
    given.add("L" * 100, "AWS::SQS::Queue", FifoQueue=True)
    stack = Stack("App", {"Resources": given.resources})
    assert stack.ref("Jobs") == "https://sqs.us-east-1.amazonaws.com/123456789012/App-Jobs"
    assert stack.attribute("Jobs", "Arn") == QUEUE
    names = [stack.attribute(id_, "QueueName") for id_ in ("Jobs", "Ordered", "Named", "L" * 100)]
    assert names == ["App-Jobs", "App-Ordered.fifo", "named.fifo", f"App-{'L' * 71}.fifo"]


def test_a_schedule_in_a_group_has_it_in_its_arn() -> None:
    given = builder()
    change("Once", GroupName="nightly", Name="once")(given)
    assert read(given).timers[1].arn == "arn:aws:scheduler:us-east-1:123456789012:schedule/nightly/once"
