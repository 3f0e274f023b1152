"""KEDA's part: 0 to 1 and back, and what the autoscaler is told when a metric fails."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaling.keda import Fallback, Keda, MetricError, Reading, ScaledObject, Trigger, TriggerSpec
from autoscaling.spec import SpecError, parse

OUTAGE = MetricError("no answer")


def keda(*triggers: Trigger, created: float = 0.0, **spec: Any) -> Keda:
    return Keda(parse(spec, ScaledObject), triggers or (Trigger(100),), created=created)


def test_an_active_trigger_wakes_the_first_pod() -> None:
    assert keda().poll(0, 0, [1]) == 1


def test_activation_is_strictly_above_the_threshold() -> None:
    subject = keda(Trigger(100, activation=5))
    assert subject.poll(0, 0, [5]) == 0
    assert subject.poll(30, 0, [6]) == 1


def test_one_active_trigger_is_enough() -> None:
    assert keda(Trigger(100), Trigger(100)).poll(0, 0, [0, 1]) == 1


def test_the_last_pod_goes_when_the_cooldown_is_over() -> None:
    subject = keda(cooldownPeriod=60)
    assert subject.poll(0, 1, [7]) == 1
    assert subject.poll(30, 1, [0]) == 1
    assert subject.poll(60, 1, [0]) == 1  # exactly the cooldown is not over
    assert subject.poll(61, 1, [0]) == 0


def test_every_pod_goes_at_once() -> None:
    subject = keda(cooldownPeriod=0)
    subject.poll(0, 9, [7])
    assert subject.poll(30, 9, [0]) == 0


def test_what_was_never_active_waits_for_the_initial_cooldown() -> None:
    subject = keda(created=100.0, initialCooldownPeriod=50)
    assert subject.poll(150, 3, [0]) == 3
    assert subject.poll(151, 3, [0]) == 0


def test_with_a_minimum_it_leaves_the_way_down_to_the_autoscaler() -> None:
    subject = keda(minReplicaCount=2)
    assert subject.poll(1000, 5, [0]) == 5
    assert subject.poll(1000, 1, [0]) == 2
    assert subject.poll(1000, 0, [7]) == 2


def test_idle_goes_from_any_count_to_zero_and_back_to_the_minimum() -> None:
    subject = keda(minReplicaCount=3, idleReplicaCount=0, cooldownPeriod=10)
    assert subject.poll(0, 3, [7]) == 3
    assert subject.poll(11, 3, [0]) == 0
    assert subject.poll(41, 0, [0]) == 0
    assert subject.poll(71, 0, [7]) == 3


@pytest.mark.parametrize("fallback", [None, {"failureThreshold": 3, "replicas": 6}])
def test_while_a_trigger_fails_nothing_goes_to_zero(fallback: dict[str, int] | None) -> None:
    assert keda(fallback=fallback).poll(10_000, 4, [OUTAGE]) == 4


def test_a_fallback_of_zero_replicas_lets_it_go() -> None:
    assert keda(fallback={"failureThreshold": 3, "replicas": 0}).poll(10_000, 4, [OUTAGE]) == 0


def test_a_partly_failing_set_is_active_but_does_not_extend_the_cooldown() -> None:
    subject = keda(Trigger(100), Trigger(100), cooldownPeriod=60)
    subject.poll(0, 2, [7, 0])
    assert subject.poll(50, 2, [7, OUTAGE]) == 2
    assert subject.poll(61, 2, [0, 0]) == 0


def test_from_one_on_the_autoscaler_decides() -> None:
    subject = keda(Trigger(100), Trigger(10))
    assert subject.sync(0, 1, 1, [250, 20]).replicas == 3
    assert subject.sync(15, 0, 0, [250, 20]).replicas == 0


def test_the_autoscaler_never_goes_below_one() -> None:
    subject = keda(
        advanced={"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}}
    )
    assert subject.sync(0, 3, 3, [0]).replicas == 1


def test_no_data_is_zero_unless_it_is_told_not_to_be() -> None:
    behavior = {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}}
    assert keda(advanced=behavior).sync(0, 5, 5, [None]).replicas == 1
    strict = keda(Trigger(100, ignore_null_values=False), advanced=behavior)
    assert strict.sync(0, 5, 5, [None]).replicas == 5


def test_without_fallback_a_failing_metric_changes_nothing() -> None:
    assert [keda().sync(now, 5, 5, [OUTAGE]).replicas for now in range(0, 150, 15)] == [5] * 10


def test_the_fallback_takes_over_after_more_failures_than_the_threshold() -> None:
    subject = keda(fallback={"failureThreshold": 2, "replicas": 8})
    readings: list[Reading] = [OUTAGE, OUTAGE, 500, OUTAGE, OUTAGE, OUTAGE]
    counts = [subject.sync(index * 15, 5, 5, [reading]).replicas for index, reading in enumerate(readings)]
    assert counts == [5, 5, 5, 5, 5, 8]


@pytest.mark.parametrize(
    ("behavior", "at_5", "at_12"),
    [
        ("static", 800, 800),
        ("currentReplicas", 500, 1200),
        ("currentReplicasIfHigher", 800, 1200),
        ("currentReplicasIfLower", 500, 800),
    ],
)
def test_each_fallback_reports_the_metric_that_leads_to_its_count(behavior: str, at_5: int, at_12: int) -> None:
    fallback = parse({"failureThreshold": 0, "replicas": 8, "behavior": behavior}, Fallback)
    assert fallback.metric(Trigger(100), 5, 5) == at_5
    assert fallback.metric(Trigger(100), 12, 5) == at_12


def test_a_value_target_divides_the_fallback_by_the_ready_pods() -> None:
    fallback = Fallback(failure_threshold=0, replicas=8)
    assert fallback.metric(Trigger(100, metric_type="Value"), 5, 4) == 200
    assert isinstance(fallback.metric(Trigger(100, metric_type="Value"), 5, 0), MetricError)


def test_a_value_target_multiplies_ready_pods() -> None:
    assert keda(Trigger(100, metric_type="Value")).sync(0, 4, 3, [200]).replicas == 6


def test_triggers_are_read_as_manifests_have_them() -> None:
    spec = parse(
        {
            "scaleTargetRef": {"name": "sockets"},
            "minReplicaCount": 3,
            "triggers": [
                {"type": "prometheus", "metadata": {"serverAddress": "http://p", "query": "q", "threshold": "6k"}},
                {
                    "type": "aws-cloudwatch",
                    "metricType": "Value",
                    "metadata": {
                        "targetMetricValue": "50",
                        "activationTargetMetricValue": "2",
                        "minMetricValue": "7",
                        "ignoreNullValues": "false",
                    },
                },
            ],
        },
        ScaledObject,
    )
    assert [trigger.trigger() for trigger in spec.triggers] == [
        Trigger(6000.0),
        Trigger(50.0, 2.0, "Value", ignore_null_values=False, null_value=7.0),
    ]
    assert spec.behavior is None


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "triggers[0].metadata.threshold: is missing"),
        ({"threshold": "0"}, "triggers[0].metadata.threshold: must be more than 0"),
        ({"threshold": "many"}, "triggers[0].metadata.threshold: not a quantity: 'many'"),
    ],
)
def test_a_trigger_without_a_usable_target_is_refused(metadata: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        TriggerSpec(type="prometheus", metadata=metadata).trigger("triggers[0].metadata")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "spec", [{"minReplicaCount": 3, "maxReplicaCount": 2}, {"idleReplicaCount": 0}, {"idleReplicaCount": 1}]
)
def test_counts_that_contradict_each_other_are_refused(spec: dict[str, int]) -> None:
    with pytest.raises(SpecError):
        parse(spec, ScaledObject)
