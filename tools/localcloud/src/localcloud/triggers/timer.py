"""Schedules at work: they invoke functions when they fall due, in virtual time."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from localcloud.gateway.effects import Returned

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.clock import Clock
    from localcloud.functions.function import Function
    from localcloud.triggers.definitions import Timer

# Virtual seconds before Lambda's second and third attempt at an asynchronous invocation.
# Source: "How Lambda handles errors and retries with asynchronous invocation", AWS Lambda Developer Guide.
_RETRIES = (60, 120)
_CATCH_UP = 5.0  # real seconds: what fell due in a longer pause, of a laptop that slept, say, is left out


async def run(timer: Timer, function: Function, clock: Clock, report: Callable[[str, str], None]) -> None:
    """Invoke the function whenever the schedule falls due, until there is no more or this is cancelled."""
    since = clock.now()
    due = timer.schedule.after(since, since)
    async with asyncio.TaskGroup() as invocations:
        while due is not None:
            await clock.sleep_until(due)
            invocations.create_task(_invoke(function, payload(timer, due), clock, report))
            due = timer.schedule.after(max(due, clock.now() - _CATCH_UP * clock.scale), since)


def payload(timer: Timer, due: float) -> bytes:
    """What the function gets: the target's own input, or the event that says which schedule fell due when.

    Sources: "Creating a rule that runs on a schedule", Amazon EventBridge User Guide; "Context attributes",
    EventBridge Scheduler User Guide. The `detail` of EventBridge Scheduler is text, that of a rule a mapping.
    """
    id_ = str(uuid.uuid4())
    time = datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if timer.input is not None:
        return _filled(timer, id_, time).encode()
    event = {
        "version": "0",
        "id": id_,
        "detail-type": "Scheduled Event",
        "source": timer.source,
        "account": timer.account,
        "time": time,
        "region": timer.region,
        "resources": [timer.arn],
        "detail": "{}" if timer.source == "aws.scheduler" else {},
    }
    return json.dumps(event).encode()


def _filled(timer: Timer, id_: str, time: str) -> str:
    """The input, with what EventBridge Scheduler puts in the place of its context attributes."""
    text = timer.input or ""
    if timer.source == "aws.scheduler":
        values = {"schedule-arn": timer.arn, "scheduled-time": time, "execution-id": id_, "attempt-number": "1"}
        for name, value in values.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


async def _invoke(function: Function, event: bytes, clock: Clock, report: Callable[[str, str], None]) -> None:
    for seconds in (*_RETRIES, None):
        if isinstance(await function.invoke(event), Returned):
            return
        if seconds is not None:
            await clock.sleep_until(clock.now() + seconds)
    report(function.spec.label, f"a scheduled event has failed {len(_RETRIES) + 1} times and is dropped")
