"""Event source mappings and schedules out of a template."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localcloud import resources
from localcloud.errors import LocalError
from localcloud.triggers import schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.template import Stack
    from localcloud.triggers.schedule import Schedule

# Lambda's limits: "CreateEventSourceMapping", AWS Lambda API Reference.
_BATCH, _BATCH_WITHOUT_WINDOW, _WINDOW = 10_000, 10, 300


@dataclass(frozen=True, slots=True)
class QueueMapping:
    """A queue that feeds a function: `window` in seconds; `concurrency` is None where only the function limits it."""

    function_arn: str
    queue_arn: str
    region: str
    batch_size: int = 10
    window: float = 0
    concurrency: int | None = None
    reports_failures: bool = False


@dataclass(frozen=True, slots=True)
class Timer:
    """A schedule and the function that it invokes: `arn` is the rule's or the schedule's, `source` who says so in the
    event, `input` the JSON that takes the event's place."""

    function_arn: str
    schedule: Schedule
    arn: str
    source: str
    account: str
    region: str
    input: str | None = None


@dataclass(frozen=True, slots=True)
class Triggers:
    """What is to invoke a stack's functions besides its API."""

    queues: list[QueueMapping] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)


def read(stack: Stack) -> Triggers:
    """The enabled triggers of a stack; LocalError for one that cannot run here, by its logical id.

    Rules without a schedule are left aside: the events that they wait for do not happen here.
    """
    found = Triggers()
    for logical_id in stack.resources(resources.EVENT_SOURCE_MAPPING):
        with stack.reading(logical_id):
            found.queues.extend(_mapping(stack, f"{stack.name}.{logical_id}", stack.properties(logical_id)))
    for logical_id in stack.resources(resources.RULE):
        with stack.reading(logical_id):
            found.timers.extend(_rule(stack, logical_id))
    for logical_id in stack.resources(resources.SCHEDULE):
        with stack.reading(logical_id):
            found.timers.extend(_schedule(stack, logical_id))
    return found


def _mapping(stack: Stack, where: str, properties: Mapping[str, Any]) -> Iterator[QueueMapping]:
    if properties.get("Enabled") is False:
        return
    source = properties.get("EventSourceArn")
    queues = {stack.attribute(id_, "Arn"): id_ for id_ in stack.resources(resources.QUEUE)}
    if source not in queues:
        raise LocalError(f"{where}: its EventSourceArn {source} is not an SQS queue of this stack")
    if properties.get("FilterCriteria"):
        raise LocalError(f"{where}: FilterCriteria do not run here")
    queue = stack.properties(queues[source])
    function_id = _function(stack, where, properties["FunctionName"])
    mapping = QueueMapping(
        function_arn=stack.attribute(function_id, "Arn"),
        queue_arn=str(source),
        region=stack.region,
        batch_size=int(properties.get("BatchSize", 10)),
        window=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
        concurrency=_concurrency(where, properties),
        reports_failures="ReportBatchItemFailures" in (properties.get("FunctionResponseTypes") or ()),
    )
    _check_batches(where, mapping, fifo=bool(queue.get("FifoQueue")))
    visible, timeout = int(queue.get("VisibilityTimeout", 30)), int(stack.property(function_id, "Timeout") or 3)
    if visible < timeout:
        raise LocalError(
            f"{where}: Lambda refuses a queue whose VisibilityTimeout ({visible} s) is less than the function's "
            f"Timeout ({timeout} s)"
        )
    yield mapping


def _check_batches(where: str, mapping: QueueMapping, *, fifo: bool) -> None:
    if fifo and mapping.window:
        raise LocalError(f"{where}: Lambda takes no MaximumBatchingWindowInSeconds for a FIFO queue")
    most = _BATCH if mapping.window else _BATCH_WITHOUT_WINDOW
    if not 1 <= mapping.batch_size <= most:
        hint = "" if mapping.window or fifo else f" (to {_BATCH} with a MaximumBatchingWindowInSeconds)"
        raise LocalError(f"{where}: BatchSize is 1 to {most}{hint}, not {mapping.batch_size}")
    if not 0 <= mapping.window <= _WINDOW:
        raise LocalError(f"{where}: MaximumBatchingWindowInSeconds is 0 to {_WINDOW}, not {mapping.window:g}")


def _concurrency(where: str, properties: Mapping[str, Any]) -> int | None:
    given = (properties.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if given is None:
        return None
    if not 2 <= int(given) <= 1000:
        raise LocalError(f"{where}: MaximumConcurrency is 2 to 1000, not {given}")
    return int(given)


def _rule(stack: Stack, logical_id: str) -> Iterator[Timer]:
    properties, where = stack.properties(logical_id), f"{stack.name}.{logical_id}"
    expression = properties.get("ScheduleExpression")
    if not expression or properties.get("State") == "DISABLED":
        return
    try:
        when = schedule.rule(str(expression))
    except schedule.ScheduleError as error:
        raise LocalError(f"{where}: {error}") from error
    for target in properties.get("Targets") or ():
        if target.get("InputTransformer") or target.get("InputPath", "$") != "$":
            raise LocalError(f"{where}: a target's InputTransformer and InputPath do not run here, only Input")
        yield _timer(stack, logical_id, when, target, "aws.events")


def _schedule(stack: Stack, logical_id: str) -> Iterator[Timer]:
    """A flexible time window is used at its beginning, as EventBridge Scheduler may."""
    properties, where = stack.properties(logical_id), f"{stack.name}.{logical_id}"
    if properties.get("State") == "DISABLED":
        return
    for name in ("StartDate", "EndDate"):
        if properties.get(name):
            raise LocalError(f"{where}: a schedule's {name} does not run here")
    try:
        when = schedule.scheduler(str(properties["ScheduleExpression"]), properties.get("ScheduleExpressionTimezone"))
    except schedule.ScheduleError as error:
        raise LocalError(f"{where}: {error}") from error
    yield _timer(stack, logical_id, when, properties["Target"], "aws.scheduler")


def _timer(stack: Stack, logical_id: str, when: Schedule, target: Mapping[str, Any], source: str) -> Timer:
    where = f"{stack.name}.{logical_id}"
    function_id = _function(stack, where, target["Arn"])
    given = target.get("Input")
    if given is not None:
        try:
            json.loads(given)
        except ValueError as error:
            raise LocalError(f"{where}: its target's Input is not JSON: {error}") from error
    arn = stack.attribute(logical_id, "Arn")
    return Timer(stack.attribute(function_id, "Arn"), when, arn, source, stack.account, stack.region, given)


def _function(stack: Stack, where: str, name: object) -> str:
    """The logical id of the function that a name or an ARN means."""
    for logical_id in stack.resources(resources.FUNCTION):
        if name in {stack.ref(logical_id), stack.attribute(logical_id, "Arn")}:
            return logical_id
    raise LocalError(f"{where}: {name} is not a Lambda function of this stack")
