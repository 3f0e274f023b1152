"""Lambda's environments: as many as demand needs, at a bounded rate."""

from __future__ import annotations

from typing import Any

from autoscaling.concurrency import Concurrency, Limits, Outcome
from autoscaling.spec import parse


def function(environments: int = 0, **limits: Any) -> Concurrency:
    return Concurrency(parse(limits, Limits), environments)


def test_demand_is_requests_a_second_times_duration() -> None:
    assert function().step(0, 100, 0.5) == Outcome(50, 50, 50, 0.0)


def test_a_short_function_needs_one_environment_for_ten_requests_a_second() -> None:
    assert function().step(0, 100, 0.001).wanted == 10


def test_a_burst_of_a_thousand_then_a_hundred_a_second() -> None:
    subject = function(accountConcurrency=10_000)
    assert subject.step(0, 3000, 1) == Outcome(3000, 1000, 1000, 1 - 1000 / 3000)
    assert subject.step(5, 3000, 1).environments == 1500
    assert subject.step(20, 3000, 1) == Outcome(3000, 2500, 1000, 1 - 2500 / 3000)


def test_the_account_or_the_reservation_is_the_ceiling() -> None:
    assert function().step(0, 4000, 1) == Outcome(4000, 1000, 1000, 0.75)
    assert function(reservedConcurrency=10).step(0, 40, 1) == Outcome(40, 10, 10, 0.75)
    assert function(reservedConcurrency=0).step(0, 40, 1) == Outcome(40, 0, 0, 1.0)


def test_warm_environments_are_used_again() -> None:
    subject = function()
    subject.step(0, 50, 1)
    assert subject.step(60, 50, 1) == Outcome(50, 50, 0, 0.0)
    assert subject.step(120, 60, 1).cold_starts == 10


def test_idle_environments_go_after_a_while() -> None:
    subject = function(idleSeconds=300)
    subject.step(0, 50, 1)
    assert [subject.step(now, 20, 1).environments for now in (60, 299, 300, 420)] == [50, 50, 20, 20]
    assert subject.step(719, 0, 1).environments == 20
    assert subject.step(720, 0, 1) == Outcome(0, 0, 0, 0.0)


def test_a_peak_within_the_time_keeps_them() -> None:
    subject = function(idleSeconds=300)
    for now, demand in ((0, 50), (200, 20), (400, 50), (600, 20)):
        outcome = subject.step(now, demand, 1)
    assert (outcome.environments, outcome.cold_starts) == (50, 0)
