"""Target tracking: alarms, cooldowns, and no scale-in without data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from autoscaling.spec import SpecError, parse
from autoscaling.target_tracking import PERIOD, Policy, TargetTracking, decide


def tracking(**policy: Any) -> TargetTracking:
    return TargetTracking(parse({"targetValue": 100, "minCapacity": 1, "maxCapacity": 50} | policy, Policy))


def follow(subject: TargetTracking, current: int, totals: Sequence[float | None]) -> list[int]:
    """Desired counts, minute by minute; each total is spread over the tasks as they are."""
    counts = []
    for minute, total in enumerate(totals):
        subject.observe(None if total is None else total / current)
        current = subject.decide(minute * PERIOD, current)
        counts.append(current)
    return counts


def test_it_scales_out_in_proportion_after_three_datapoints() -> None:
    assert follow(tracking(), 2, [600, 600, 600, 600]) == [2, 2, 6, 6]


def test_the_target_itself_is_no_breach() -> None:
    assert follow(tracking(), 2, [200] * 5) == [2] * 5


def test_one_datapoint_below_begins_the_count_anew() -> None:
    assert follow(tracking(), 2, [600, 600, 200, 600, 600]) == [2] * 5


def test_it_scales_in_after_fifteen_datapoints_below_ninety_per_cent() -> None:
    assert follow(tracking(), 4, [150] * 16) == [4] * 14 + [2, 2]
    assert follow(tracking(), 4, [361] * 30) == [4] * 30


def test_missing_data_scales_nothing() -> None:
    assert follow(tracking(), 4, [None] * 30) == [4] * 30
    assert follow(tracking(), 4, [150] * 14 + [None] + [150] * 14) == [4] * 29


def test_during_a_cooldown_only_a_larger_scale_out_happens() -> None:
    subject = tracking(scaleOutCooldown=600)
    # The datapoints stay high although tasks were added: what was added counts for the cooldown.
    for _ in range(3):
        subject.observe(300)
    assert subject.decide(120, 2) == 6
    subject.observe(300)
    assert subject.decide(180, 6) == 6
    subject.observe(450)
    assert subject.decide(240, 6) == 9
    subject.observe(200)
    assert subject.decide(900, 9) == 18


def test_scale_ins_are_a_cooldown_apart_and_a_scale_out_ends_it() -> None:
    subject = tracking(scaleInCooldown=3600, scaleInStep=1)
    assert follow(subject, 5, [100] * 60)[-1] == 4
    assert follow(tracking(scaleInCooldown=0, scaleInStep=1), 5, [100] * 18)[-4:] == [4, 3, 2, 1]
    for _ in range(3):
        subject.observe(200)
    assert subject.decide(1200, 4) == 8
    for _ in range(15):
        subject.observe(10)
    assert subject.decide(1260, 8) == 7


def test_scale_in_can_be_switched_off() -> None:
    assert follow(tracking(disableScaleIn=True), 4, [1] * 40) == [4] * 40


def test_capacity_stays_within_its_bounds() -> None:
    assert follow(tracking(maxCapacity=3), 2, [9000] * 4) == [2, 2, 3, 3]
    assert follow(tracking(minCapacity=2), 4, [1] * 20)[-1] == 2
    assert tracking(minCapacity=3).decide(0, 1) == 3
    assert tracking(maxCapacity=3).decide(0, 9) == 3


def test_bounds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(SpecError, match="minCapacity is above maxCapacity"):
        tracking(minCapacity=60)


def test_several_policies_scale_out_for_any_and_in_for_all() -> None:
    one, other = (tracking(scaleOutDatapoints=1, scaleInDatapoints=1) for _ in range(2))
    for now, (first, second), expected in [
        (0, (300, 10), 9),
        (600, (10, 100), 3),
        (660, (10, 10), 1),
    ]:
        one.observe(first)
        other.observe(second)
        assert decide([one, other], now, 3) == expected


def test_a_policy_that_may_not_scale_in_begins_no_cooldown() -> None:
    """Else two policies that are ready at different minutes would keep each other from ever scaling in."""
    one, other = (tracking(scaleInDatapoints=1) for _ in range(2))
    for now, second, expected in [(0, 100, 3), (60, 10, 1)]:
        one.observe(10)
        other.observe(second)
        assert decide([one, other], now, 3) == expected
