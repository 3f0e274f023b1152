"""Proposals from CPU and memory, with the rules for pods that are not ready or have no metric."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from autoscaling.behavior import Tolerance
from autoscaling.resources import Pods, utilization


def proposal(*pods: Pods, resource: Literal["cpu", "memory"] = "cpu", target: int = 50, **more: Any) -> int | None:
    arguments: dict[str, Any] = {"now": 1000.0, "current": sum(pod.count for pod in pods), "tolerance": Tolerance()}
    return utilization(resource, pods, target, **(arguments | more))


def test_the_ratio_of_utilization_to_target_multiplies_the_pods() -> None:
    assert proposal(Pods(4, usage=90, request=100)) == 8  # 90 / 50 * 4 = 7.2
    assert proposal(Pods(4, usage=20, request=100)) == 2


def test_within_the_tolerance_nothing_changes() -> None:
    assert proposal(Pods(10, usage=55, request=100)) == 10
    assert proposal(Pods(10, usage=56, request=100)) == 12
    assert proposal(Pods(10, usage=45, request=100)) == 10


def test_utilization_is_cut_to_whole_per_cent() -> None:
    assert proposal(Pods(10, usage=559, request=1000)) == 10  # 55 % is within the tolerance, 55.9 % would not be
    assert (
        proposal(Pods(100, usage=559, request=1000), tolerance=Tolerance(0, 0)) == 111
    )  # 1.1 * 100, and a float's dust


def test_usage_and_requests_are_summed_over_unlike_pods() -> None:
    assert proposal(Pods(1, usage=100, request=100), Pods(3, usage=100, request=300)) == 4  # 400 of 1000: 40 %


def test_without_pods_or_metrics_the_metric_fails() -> None:
    assert proposal() is None
    assert proposal(Pods(3, usage=None, request=100)) is None
    assert proposal(Pods(3, usage=10, request=100, phase="Pending")) is None
    assert proposal(Pods(3, usage=10, request=0)) is None


def test_pods_that_are_being_deleted_do_not_count() -> None:
    assert proposal(Pods(4, usage=90, request=100), Pods(4, usage=0, request=100, phase="Terminating")) == 8


def test_missing_pods_use_nothing_when_scaling_up() -> None:
    # Alone the three would ask for 6; with a fourth at 0 % the average is 67 %, so 1.34 * 4 pods.
    assert proposal(Pods(3, usage=90, request=100), Pods(1, usage=None, request=100)) == 6
    assert proposal(Pods(3, usage=60, request=100), Pods(1, usage=None, request=100)) == 4  # 45 %: direction turned


def test_missing_pods_use_all_of_their_request_when_scaling_down() -> None:
    assert proposal(Pods(3, usage=10, request=100), Pods(1, usage=None, request=100)) == 3  # 32 %: 0.64 * 4
    assert proposal(Pods(3, usage=30, request=100), Pods(3, usage=None, request=100)) == 6  # 65 %: direction turned


def test_missing_pods_use_a_target_above_100_per_cent_when_scaling_down() -> None:
    assert proposal(Pods(2, usage=100, request=100), Pods(2, usage=None, request=100), target=200) == 3  # 150 %


def test_unready_pods_use_nothing_when_scaling_up_and_are_left_out_when_scaling_down() -> None:
    fresh = Pods(2, usage=100, request=100, ready=False, started=990.0, ready_changed=990.0)
    assert proposal(Pods(4, usage=90, request=100), fresh) == 8  # 60 %: 1.2 * 6
    assert proposal(Pods(4, usage=60, request=100), fresh) == 6  # 40 %: direction turned, the count stays
    assert proposal(Pods(4, usage=20, request=100), fresh) == 2  # 0.4 * 4 of the ready ones


def test_pending_pods_are_unready_for_memory_too() -> None:
    pods = Pods(4, usage=90, request=100), Pods(2, usage=None, request=100, phase="Pending")
    assert proposal(*pods, resource="memory") == 8


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({"ready": True, "started": 0.0}, True),
        ({"started": None}, False),
        # Within the initialization period: ready, and one whole window measured since.
        ({"started": 900.0, "ready": False, "ready_changed": 900.0}, False),
        ({"started": 900.0, "ready_changed": 980.0, "measured": 1000.0, "window": 30.0}, False),
        ({"started": 900.0, "ready_changed": 970.0, "measured": 1000.0, "window": 30.0}, True),
        ({"started": 701.0, "ready": False, "ready_changed": 990.0}, False),
        # After it: unready only when it has never been ready.
        ({"started": 700.0, "ready": False, "ready_changed": 990.0}, True),
        ({"started": 700.0, "ready": False, "ready_changed": 729.0}, False),
        ({"started": 700.0, "ready": False, "ready_changed": 730.0}, True),
    ],
)
def test_a_cpu_sample_counts_once_the_pod_has_settled(more: dict[str, Any], counts: bool) -> None:
    # If the third pod counts, 3 * 90 % ask for 6; if it is unready, it is at 0 %: 60 % of three ask for 4.
    pods = Pods(2, usage=90, request=100), Pods(1, usage=90, request=100, **more)
    assert proposal(*pods) == (6 if counts else 4)
    assert proposal(*pods, resource="memory") == 6


def test_both_periods_are_settings_of_the_controller() -> None:
    pods = (
        Pods(2, usage=90, request=100),
        Pods(1, usage=90, request=100, ready=False, started=950.0, ready_changed=975.0),
    )
    assert proposal(*pods) == 4
    assert proposal(*pods, cpu_initialization_period=50, initial_readiness_delay=25) == 6
    assert proposal(*pods, cpu_initialization_period=50, initial_readiness_delay=26) == 4
