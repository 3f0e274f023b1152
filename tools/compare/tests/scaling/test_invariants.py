"""What holds for every scenario."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from .runs import run

points = st.lists(st.tuples(st.integers(1, 200), st.integers(0, 90_000)), min_size=1, max_size=12).map(
    lambda found: [(sum(step for step, _ in found[:index]), value) for index, (_, value) in enumerate(found)]
)
windows = st.sampled_from([0, 60, 300])
autoscalers = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("keda"),
            "minReplicas": st.integers(0, 3),
            "maxReplicas": st.integers(3, 20),
            "targetAverageValue": st.sampled_from([1000, 6000]),
            "cooldownPeriodSeconds": st.sampled_from([0, 60]),
            "behavior": st.none()
            | st.fixed_dictionaries({"scaleDown": st.fixed_dictionaries({"stabilizationWindowSeconds": windows})}),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["cpu", "memory"]),
            "minReplicas": st.integers(1, 3),
            "maxReplicas": st.integers(3, 20),
            "targetUtilization": st.sampled_from([5, 50, 80]),
        }
    ),
    st.fixed_dictionaries(
        {"kind": st.just("ecs"), "minReplicas": st.integers(0, 3), "maxReplicas": st.just(12)}
        | {"targetAverageValue": st.just(6000)}
    ),
    st.fixed_dictionaries({"kind": st.just("lambda"), "handlerMilliseconds": st.sampled_from([20, 5000])}),
)
scenarios = st.fixed_dictionaries(
    {
        "autoscaler": autoscalers,
        "metric": points,
        "durationSeconds": st.integers(1, 2000),
        "initialReplicas": st.integers(0, 10),
        "podStartSeconds": st.sampled_from([0, 7, 40]),
        "podCapacity": st.sampled_from([500, 8000]),
        "metricDelaySeconds": st.sampled_from([0, 50]),
        "drainSeconds": st.sampled_from([0, 40, 90]),
        "connectionLifetimeSeconds": st.none() | st.just(120),
        "messagesPerConnectionPerMinute": st.sampled_from([0, 30]),
        "reconnect": st.none() | st.just({"jitterSeconds": 40, "backoffBaseSeconds": 5}),
        "cuts": st.sampled_from([[], [[100, 1.0]], [[30, 0.3], [35, 0.5], [600, 0.1]]]),
        "nodes": st.none() | st.just({"podsPerNode": 3, "startSeconds": 50, "consolidateAfterSeconds": 60}),
        "apiGateway": st.none() | st.just({"connectsPerSecond": 100}),
    }
)


@settings(max_examples=150)
@given(scenarios)
def test_connections_are_conserved_and_counts_agree(scenario: dict[str, Any]) -> None:
    found = run(**scenario)
    counts = found.connections
    assert counts.arrivals == counts.accepted + counts.refused + counts.throttled
    assert counts.accepted == counts.held + counts.left + counts.dropped + counts.drained + counts.cut
    assert sum(found.refused) <= counts.refused + counts.throttled  # who was there at the start is no arrival of a tick
    assert sum(found.dropped) == counts.dropped
    assert min(*found.held, *found.refused, *found.dropped, counts.waiting) >= 0
    # A client wants one connection: it holds one, waits for one, or has given up.
    last = next(value for at, value in reversed(scenario["metric"]) if at < scenario["durationSeconds"])
    assert counts.held + counts.waiting <= last
    lengths = [min(found.period, found.duration - index * found.period) for index in range(len(found.replicas))]
    assert found.pod_seconds == sum(count * length for count, length in zip(found.replicas, lengths, strict=True))
    assert sum(lengths) == scenario["durationSeconds"]


@settings(max_examples=100)
@given(scenarios)
def test_replicas_stay_within_min_and_max_and_ready_within_replicas(scenario: dict[str, Any]) -> None:
    spec = scenario["autoscaler"]
    assume(spec["kind"] != "lambda")
    found = run(**scenario)
    # The controller acts from its first look on; a count of 0 switches a HorizontalPodAutoscaler off.
    asleep = spec["kind"] in ("cpu", "memory") and scenario["initialReplicas"] == 0
    for desired, replicas, ready in zip(found.desired, found.replicas, found.ready, strict=True):
        assert asleep or spec["minReplicas"] <= replicas <= spec["maxReplicas"]
        assert asleep or spec["minReplicas"] <= desired <= spec["maxReplicas"]
        assert 0 <= ready <= replicas


@settings(max_examples=60)
@given(st.integers(0, 100_000), st.integers(3, 40), st.sampled_from([0, 30]), st.sampled_from([0, 60]))
def test_a_constant_metric_comes_to_rest(level: int, start: int, pod_start: int, delay: int) -> None:
    found = run(
        metric=[(0, level)],
        initialReplicas=start,
        podStartSeconds=pod_start,
        metricDelaySeconds=delay,
        reconnect={},
        durationSeconds=2400,
    )
    assert len(set(found.replicas[-80:])) == 1
    assert found.held[-1] == min(level, 40 * 8000)
