from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.clock import Clock
from localcloud.metrics import Metrics, embedded

NOW = 1_708_326_702.0


class Stopped(Clock):
    """A clock that stands at `at`."""

    at = NOW

    def now(self) -> float:
        return self.at


def line(**changes: Any) -> str:
    document = {
        "_aws": {
            "Timestamp": 1,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Chat",
                    "Dimensions": [["service", "route"], ["service"]],
                    "Metrics": [{"Name": "Messages", "Unit": "Count"}, {"Name": "Latency"}],
                }
            ],
        },
        "service": "chat",
        "route": "ping",
        "Messages": [1, 2],
        "Latency": 0.5,
    }
    return json.dumps(document | changes)


def directive(dimension: str = "service", metric: str = "Messages") -> dict[str, Any]:
    return {
        "CloudWatchMetrics": [{"Namespace": "N", "Dimensions": [[dimension]], "Metrics": [{"Name": metric}]}],
    }


def test_a_line_has_every_metric_under_every_set_of_dimensions() -> None:
    both, one = (("route", "ping"), ("service", "chat")), (("service", "chat"),)
    assert list(embedded(line())) == [
        ("Chat", "Messages", "Count", both, 1.0),
        ("Chat", "Messages", "Count", both, 2.0),
        ("Chat", "Latency", "None", both, 0.5),
        ("Chat", "Messages", "Count", one, 1.0),
        ("Chat", "Messages", "Count", one, 2.0),
        ("Chat", "Latency", "None", one, 0.5),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        '{"_aws": 5}',
        '{"_aws": {"CloudWatchMetrics": [{}]}}',
        line(Messages="many"),
        line(Messages=[True]),
        line(_aws=directive(dimension="absent")),
        line(_aws=directive(metric="absent")),
        '{"_aws":' * 10_000,
    ],
)  # fmt: skip
def test_a_line_that_is_not_valid_has_none(text: str) -> None:
    assert list(embedded(text)) == []
    assert not Metrics(Clock()).read_line(text)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=3) | st.just("_aws"),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["CloudWatchMetrics", "Namespace", "Dimensions", "Metrics", "Name", "Unit"]),
                        inner, max_size=4), max_leaves=20))  # fmt: skip
def test_no_line_raises(value: object) -> None:
    list(embedded(line(_aws=value)))


def test_values_of_a_minute_are_one_statistic_set() -> None:
    clock = Stopped()
    metrics = Metrics(clock)
    for value in (3, 1, 2):
        metrics.add("N", "m", "Count", (), value)
    clock.at += 60
    metrics.add("N", "m", "Count", (), 5)
    first, second = metrics.drain()
    assert (first.minute, first.count, first.sum, first.minimum, first.maximum) == (1_708_326_660, 3, 6, 1, 3)
    assert (second.minute, second.count, second.sum) == (1_708_326_720, 1, 5)
    assert metrics.drain() == []


def test_dimensions_keep_metrics_apart() -> None:
    metrics = Metrics(Stopped())
    metrics.add("N", "m", "Count", (("a", "1"),), 1)
    metrics.add("N", "m", "Count", (("a", "2"),), 1)
    metrics.add("N", "m", "Count", (), 1)
    assert len(metrics.drain()) == 3
