"""Proposals from a fleet-wide metric."""

import pytest

from autoscaling.behavior import Behavior, Tolerance
from autoscaling.external import average_value, value
from autoscaling.spec import parse

TENTH = Tolerance()


@pytest.mark.parametrize(
    ("total", "replicas", "proposal"),
    [
        (30000, 3, 5),
        (30001, 3, 6),
        (18000, 3, 3),
        (19800, 3, 3),  # 10 % above: both ends of the tolerance belong to it
        (19801, 3, 4),
        (16200, 3, 3),
        (16199, 3, 3),  # beyond the tolerance, but ceil(2.7) is 3
        (12000, 3, 2),
        (0, 3, 0),
        (18001, 0, 4),  # the status lags: no replica counts yet
        (0, 0, 0),
    ],
)
def test_average_value_is_the_total_by_the_target_rounded_up(total: int, replicas: int, proposal: int) -> None:
    assert average_value(total, 6000, replicas, TENTH) == proposal


@pytest.mark.parametrize(
    ("total", "replicas", "ready", "proposal"),
    [
        (200, 4, 4, 8),
        (200, 4, 3, 6),  # ready pods are multiplied, not the count
        (109, 4, 3, 4),  # within the tolerance the count stays, ready or not
        (50, 4, 4, 2),
        (250, 0, 0, 3),
    ],
)
def test_value_multiplies_ready_pods_by_the_ratio(total: int, replicas: int, ready: int, proposal: int) -> None:
    assert value(total, 100, replicas, ready, TENTH) == proposal


def test_fractions_are_computed_in_thousandths() -> None:
    assert 0.6 / 0.2 != 3
    assert average_value(0.6, 0.2, 10, TENTH) == 3
    assert average_value(0.7, 0.1, 1, TENTH) == 7


def test_each_direction_has_its_own_tolerance() -> None:
    behavior = parse({"scaleDown": {"tolerance": "300m"}, "scaleUp": {"tolerance": 0}}, Behavior)
    assert behavior.tolerance() == Tolerance(0.3, 0.0)
    assert average_value(14000, 6000, 3, behavior.tolerance()) == 3
    assert average_value(18001, 6000, 3, behavior.tolerance()) == 4
    assert parse({}, Behavior).tolerance(0.2) == Tolerance(0.2, 0.2)


def test_a_count_never_leaves_int32() -> None:
    assert average_value(10**15, 1, 3, TENTH) == 2**31 - 1
    assert value(10**15, 1, 3, 3, TENTH) == 2**31 - 1
