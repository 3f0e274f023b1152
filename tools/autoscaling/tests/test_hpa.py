"""The controller's decision, step by step."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.behavior import Behavior, Tolerance
from autoscaling.external import average_value
from autoscaling.hpa import Decision, HorizontalPodAutoscaler, combine
from autoscaling.spec import parse


def autoscaler(minimum: int = 1, maximum: int = 100, **behavior: Any) -> HorizontalPodAutoscaler:
    return HorizontalPodAutoscaler(minimum, maximum, parse(behavior, Behavior))


def follow(subject: HorizontalPodAutoscaler, current: int, proposals: list[int | None], period: int = 15) -> list[int]:
    """The counts that a series of proposals leads to, one synchronization after the other."""
    counts = []
    for index, proposal in enumerate(proposals):
        current = subject.decide(index * period, current, [proposal]).replicas
        counts.append(current)
    return counts


UP_AT_ONCE = {"policies": [{"type": "Percent", "value": 10000, "periodSeconds": 15}]}


def test_the_proposal_is_taken_at_once_on_the_way_up() -> None:
    assert autoscaler().decide(0, 3, [5]) == Decision(5, 5, "DesiredWithinRange")


def test_nothing_proposed_nothing_done() -> None:
    assert autoscaler().decide(0, 3, [3]) == Decision(3, 3, "DesiredWithinRange")


def test_several_metrics_the_largest_wins() -> None:
    assert autoscaler().decide(0, 3, [4, 6, 2]).replicas == 6


@pytest.mark.parametrize(
    ("proposals", "current", "combined"),
    [
        ([5, None], 3, 5),  # the good one may scale up
        ([2, None], 3, None),  # but not down
        ([3, None], 3, 3),
        ([None, None], 3, None),
        ([2, 1], 3, 2),
        ([0], 3, 0),
    ],
)
def test_a_failed_metric_forbids_scaling_down(proposals: list[int | None], current: int, combined: int | None) -> None:
    assert combine(proposals, current) == combined


def test_when_every_metric_fails_nothing_changes_and_nothing_is_remembered() -> None:
    subject = autoscaler(scaleDown={"stabilizationWindowSeconds": 30})
    assert subject.decide(0, 5, [None]) == Decision(5, None, "FailedGetMetrics")
    assert subject.decide(15, 5, [2]).replicas == 5  # the initial recommendation still counts
    assert subject.decide(30, 5, [2]).replicas == 2


def test_a_count_of_zero_switches_it_off() -> None:
    assert autoscaler().decide(0, 0, [50]) == Decision(0, None, "ScalingDisabled")


def test_a_count_outside_of_the_bounds_is_brought_back_without_asking_metrics_or_policies() -> None:
    slow = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    subject = autoscaler(3, 10, scaleUp=slow, scaleDown=slow)
    assert subject.decide(0, 50, [50]) == Decision(10, None, "TooManyReplicas")
    assert subject.decide(15, 1, [1]) == Decision(3, None, "TooFewReplicas")


def test_min_and_max_come_last() -> None:
    subject = autoscaler(3, 10, scaleDown={"stabilizationWindowSeconds": 0}, scaleUp=UP_AT_ONCE)
    assert subject.decide(0, 5, [50]) == Decision(10, 50, "TooManyReplicas")
    assert subject.decide(15, 5, [0]) == Decision(3, 0, "TooFewReplicas")


def test_the_down_window_holds_the_highest_recommendation() -> None:
    subject = autoscaler(scaleDown={"stabilizationWindowSeconds": 60})
    assert follow(subject, 5, [5, 3, 4, 2, 2, 2, 2, 2]) == [5, 5, 5, 5, 4, 4, 2, 2]


def test_the_first_recommendation_is_the_count_found_at_the_start() -> None:
    subject = autoscaler(scaleDown={"stabilizationWindowSeconds": 300})
    counts = follow(subject, 8, [2] * 21)
    assert counts == [8] * 20 + [2]


def test_the_up_window_waits_for_the_lowest_recommendation() -> None:
    subject = autoscaler(scaleUp={"stabilizationWindowSeconds": 30, **UP_AT_ONCE})
    assert follow(subject, 2, [2, 9, 7, 8, 8]) == [2, 2, 7, 7, 8]


def test_both_windows_keep_the_count_between_their_extremes() -> None:
    subject = autoscaler(
        scaleUp={"stabilizationWindowSeconds": 60, **UP_AT_ONCE}, scaleDown={"stabilizationWindowSeconds": 60}
    )
    assert follow(subject, 5, [5, 9, 1, 9, 1, 9, 1]) == [5] * 7


def test_a_limited_step_says_so() -> None:
    step = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    subject = autoscaler(scaleUp=step, scaleDown={"stabilizationWindowSeconds": 0, **step})
    assert subject.decide(0, 5, [9]) == Decision(6, 9, "ScaleUpLimit")
    assert subject.decide(15, 6, [9]) == Decision(6, 9, "ScaleUpLimit")
    assert subject.decide(75, 6, [2]) == Decision(5, 2, "ScaleDownLimit")
    assert autoscaler().decide(0, 5, [2]) == Decision(5, 2, "ScaleDownStabilized")


def test_up_at_most_four_pods_a_minute() -> None:
    subject = autoscaler(scaleUp={"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]})
    assert follow(subject, 3, [20] * 9) == [7, 7, 7, 7, 11, 11, 11, 11, 15]


def test_down_one_pod_every_two_minutes() -> None:
    subject = autoscaler(
        scaleDown={
            "stabilizationWindowSeconds": 0,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}],
        }
    )
    counts = follow(subject, 5, [2] * 26)
    assert [index * 15 for index in range(1, 26) if counts[index] != counts[index - 1]] == [120, 240]
    assert (counts[0], counts[-1]) == (4, 2)


def test_without_behavior_one_step_at_most_doubles_or_reaches_four() -> None:
    assert HorizontalPodAutoscaler(1, 100, None).decide(0, 1, [50]) == Decision(4, 50, "ScaleUpLimit")
    assert HorizontalPodAutoscaler(1, 100, None).decide(0, 5, [50]).replicas == 10
    assert HorizontalPodAutoscaler(1, 7, None).decide(0, 5, [50]) == Decision(7, 50, "TooManyReplicas")


def test_without_behavior_the_way_down_waits_300_seconds_and_a_step() -> None:
    # stabilizeRecommendation still counts what is exactly 300 seconds old.
    counts = follow(HorizontalPodAutoscaler(2, 100, None), 8, [1] * 22)
    assert counts == [8] * 21 + [2]


behaviors = st.fixed_dictionaries(
    {
        direction: st.fixed_dictionaries(
            {
                "stabilizationWindowSeconds": st.sampled_from([0, 15, 40, 300]),
                "selectPolicy": st.sampled_from(["Max", "Min", "Disabled"]),
                "policies": st.lists(
                    st.fixed_dictionaries(
                        {
                            "type": st.sampled_from(["Pods", "Percent"]),
                            "value": st.integers(1, 200),
                            "periodSeconds": st.sampled_from([1, 15, 60, 600]),
                        }
                    ),
                    min_size=1,
                    max_size=3,
                ),
            }
        )
        for direction in ("scaleUp", "scaleDown")
    }
)
totals = st.lists(st.integers(0, 400_000), min_size=1, max_size=60)


def simulate(behavior: dict[str, Any] | None, metrics: list[int], minimum: int, maximum: int, start: int) -> list[int]:
    subject = HorizontalPodAutoscaler(minimum, maximum, None if behavior is None else parse(behavior, Behavior))
    counts = [start]
    for index, total in enumerate(metrics):
        proposal = average_value(total, 6000, counts[-1], Tolerance())
        counts.append(subject.decide(index * 15, counts[-1], [proposal]).replicas)
    return counts


@given(behaviors | st.none(), totals, st.integers(1, 10), st.integers(0, 60), st.integers(1, 80))
def test_never_outside_min_and_max(
    behavior: dict[str, Any] | None, metrics: list[int], minimum: int, more: int, start: int
) -> None:
    counts = simulate(behavior, metrics, minimum, minimum + more, start)
    assert all(minimum <= count <= minimum + more for count in counts[1:])


@given(totals, st.integers(1, 6), st.sampled_from([15, 60, 120]), st.integers(1, 6), st.sampled_from([15, 60, 120]))
def test_never_faster_than_the_policies(
    metrics: list[int], up: int, up_period: int, down: int, down_period: int
) -> None:
    behavior = {
        "scaleUp": {"policies": [{"type": "Pods", "value": up, "periodSeconds": up_period}]},
        "scaleDown": {
            "stabilizationWindowSeconds": 0,
            "policies": [{"type": "Pods", "value": down, "periodSeconds": down_period}],
        },
    }
    counts = simulate(behavior, metrics, 1, 100, 20)
    for index in range(1, len(counts)):  # against the count as it was when the period began
        if counts[index] > counts[index - 1]:
            assert counts[index] <= counts[max(index - up_period // 15, 0)] + up
        if counts[index] < counts[index - 1]:
            assert counts[index] >= counts[max(index - down_period // 15, 0)] - down


@given(behaviors | st.none(), st.integers(1, 300_000), st.integers(1, 50))
def test_a_constant_metric_leads_to_one_count_and_stays_there(
    behavior: dict[str, Any] | None, total: int, start: int
) -> None:
    counts = simulate(behavior, [total] * 120, 1, 100, start)
    changes = [later - earlier for earlier, later in itertools.pairwise(counts)]
    assert all(change >= 0 for change in changes) or all(change <= 0 for change in changes)


@given(st.integers(1, 300_000), st.integers(1, 50))
def test_by_default_a_constant_metric_settles_within_ten_per_cent_of_the_target(total: int, start: int) -> None:
    last = simulate({}, [total] * 60, 1, 100, start)[-1]
    assert last == -(-total // 6000) or abs(1 - total / (last * 6000)) <= 0.1
