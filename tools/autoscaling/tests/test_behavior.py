"""Policies over past changes."""

from typing import Any

import pytest

from autoscaling.behavior import Events, ScaleDown, ScaleUp
from autoscaling.spec import parse

NONE = Events(1800, 1800)


def rules(kind: type[ScaleUp] | type[ScaleDown], *policies: tuple[str, int, int], **more: Any) -> Any:
    listed = [{"type": type_, "value": value, "periodSeconds": period} for type_, value, period in policies]
    return parse({"policies": listed, **more}, kind)


def events(*changes: tuple[float, int]) -> Events:
    found = Events(1800, 1800)
    for at, change in changes:
        found.add(at, change)
    return found


@pytest.mark.parametrize(("current", "limit"), [(1, 5), (3, 7), (4, 8), (5, 10), (10, 20)])
def test_up_by_default_the_larger_of_doubling_and_four(current: int, limit: int) -> None:
    assert ScaleUp().limit(0, current, NONE) == limit


def test_down_by_default_everything() -> None:
    assert ScaleDown().limit(0, 10, NONE) == 0


def test_a_percentage_up_is_rounded_up_and_down_cut_off() -> None:
    assert rules(ScaleUp, ("Percent", 10, 60)).limit(0, 11, NONE) == 13  # 12.1
    assert rules(ScaleDown, ("Percent", 10, 60)).limit(0, 11, NONE) == 9  # 9.9


def test_the_least_change_or_the_largest_is_selected() -> None:
    policies = (("Pods", 4, 60), ("Percent", 10, 60))
    assert rules(ScaleUp, *policies, selectPolicy="Min").limit(0, 10, NONE) == 11
    assert rules(ScaleUp, *policies).limit(0, 10, NONE) == 14
    assert rules(ScaleDown, *policies, selectPolicy="Min").limit(0, 10, NONE) == 9
    assert rules(ScaleDown, *policies).limit(0, 10, NONE) == 6


def test_a_disabled_direction_stays() -> None:
    assert rules(ScaleUp, ("Pods", 4, 60), selectPolicy="Disabled").limit(0, 10, NONE) == 10
    assert rules(ScaleDown, ("Pods", 4, 60), selectPolicy="Disabled").limit(0, 10, NONE) == 10


def test_what_was_added_within_the_period_counts_against_the_policy() -> None:
    up = rules(ScaleUp, ("Pods", 4, 60))
    past = events((0, 3))
    assert up.limit(59, 8, past) == 9
    assert up.limit(60, 8, past) == 12  # exactly one period ago is outside


def test_what_was_removed_within_the_period_gives_room_to_add() -> None:
    up = rules(ScaleUp, ("Pods", 4, 60))
    assert up.limit(30, 5, events((0, -3))) == 12
    down = rules(ScaleDown, ("Pods", 2, 60))
    assert down.limit(30, 5, events((0, -2), (10, 1))) == 4


def test_each_policy_looks_back_its_own_period() -> None:
    up = rules(ScaleUp, ("Pods", 2, 15), ("Pods", 5, 60), selectPolicy="Min")
    past = events((0, 2), (20, 2))
    assert up.limit(40, 8, past) == 9  # 60 s: started at 4, at most 9; 15 s: at most 10


def test_a_direction_forgets_what_its_own_policies_no_longer_need() -> None:
    past = Events(keep_up=600, keep_down=20)
    past.add(0, -1)
    past.add(30, -2)  # takes the place of the one before, although policies upwards look back 600 seconds
    past.add(35, -4)
    assert past.change(40, 600) == -6
    past.add(56, -8)  # both are outdated; the later one goes
    assert past.change(60, 600) == -2 - 8
