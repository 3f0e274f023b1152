from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, cast

from localcloud.clock import Clock
from localcloud.functions.function import Function
from localcloud.gateway.effects import Failed, Outcome, Returned
from localcloud.triggers import schedule, timer
from localcloud.triggers.definitions import Timer

RULE = Timer(
    "arn:f", schedule.Rate(60), "arn:aws:events:us-east-1:1:rule/R", "aws.events", account="1", region="us-east-1"
)
DUE = 1_700_000_000.9


class Recorder:
    """Stands in for a function: notes when it was invoked, and answers what it is told to."""

    def __init__(self, clock: Clock, *outcomes: Outcome) -> None:
        self.spec = self
        self.label = "Recorder"
        self.events: list[dict[str, Any]] = []
        self.times: list[float] = []
        self._clock = clock
        self._outcomes = list(outcomes)

    def invoke(self, event: bytes) -> asyncio.Future[Outcome]:
        self.times.append(self._clock.now())
        self.events.append(json.loads(event))
        outcome = asyncio.get_running_loop().create_future()
        outcome.set_result(self._outcomes.pop(0) if self._outcomes else Returned(b"null"))
        return outcome


def test_a_rules_event_says_which_rule_fell_due_when() -> None:
    event = json.loads(timer.payload(RULE, DUE))
    assert len(event.pop("id")) == 36
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "1",
        "time": "2023-11-14T22:13:20Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:1:rule/R"],
        "detail": {},
    }


def test_the_schedulers_event_has_its_source_and_its_detail_in_text() -> None:
    event = json.loads(timer.payload(replace(RULE, source="aws.scheduler"), DUE))
    assert (event["source"], event["detail"]) == ("aws.scheduler", "{}")


def test_an_input_takes_the_events_place() -> None:
    given = replace(RULE, input='{"at": "<aws.scheduler.scheduled-time>"}')
    assert json.loads(timer.payload(given, DUE)) == {"at": "<aws.scheduler.scheduled-time>"}
    filled = json.loads(timer.payload(replace(given, source="aws.scheduler"), DUE))
    assert filled == {"at": "2023-11-14T22:13:20Z"}


def invoked(clock: Clock, when: schedule.Schedule, *outcomes: Outcome) -> tuple[Recorder, list[str]]:
    """What a schedule that ends has invoked, and what was reported."""
    recorder, reports = Recorder(clock, *outcomes), list[str]()
    made = replace(RULE, schedule=when)
    asyncio.run(
        timer.run(made, cast("Function", recorder), clock, lambda label, line: reports.append(f"{label}: {line}"))
    )
    return recorder, reports


class Dues:
    """Falls due so many seconds after it was made."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = seconds

    def after(self, moment: float, since: float) -> float | None:
        return next((since + later for later in self._seconds if since + later > moment), None)


def test_a_schedule_invokes_when_it_falls_due_in_virtual_time() -> None:
    clock = Clock(600)
    recorder, reports = invoked(clock, Dues(10, 70))
    assert len(recorder.times) == 2
    assert recorder.times[1] - clock.started >= 70
    assert recorder.times[0] - clock.started >= 10
    assert reports == []


def test_a_failed_invocation_is_retried_after_one_minute_and_after_two() -> None:
    clock = Clock(1200)
    recorder, reports = invoked(clock, Dues(10), Failed.FUNCTION_ERROR, Failed.FUNCTION_ERROR)
    assert reports == []
    first, second, third = recorder.times
    assert second - first >= 60
    assert third - second >= 120
    assert recorder.events[0] == recorder.events[1] == recorder.events[2], "one event, with one id"


def test_the_third_failure_is_the_last() -> None:
    recorder, reports = invoked(Clock(3600), Dues(10), *[Failed.FUNCTION_ERROR] * 3)
    assert len(recorder.times) == 3
    assert reports == ["Recorder: a scheduled event has failed 3 times and is dropped"]


def test_what_fell_due_while_the_machine_slept_is_left_out() -> None:
    class Sleeper(Clock):
        slept = 0.0

        def now(self) -> float:
            return super().now() + self.slept

    class Hourly:
        """For ten days and an hour."""

        def after(self, moment: float, since: float) -> float | None:
            due = schedule.Rate(3600).after(moment, since)
            return due if due is not None and due < since + 864_000 + 3600 else None

    class Sleepy(Recorder):
        def invoke(self, event: bytes) -> asyncio.Future[Outcome]:
            clock.slept = 864_000.0
            return super().invoke(event)

    clock = Sleeper(3600)
    recorder = Sleepy(clock)
    asyncio.run(timer.run(replace(RULE, schedule=Hourly()), cast("Function", recorder), clock, lambda *_: None))
    assert 1 <= len(recorder.events) < 10, "of 240"
