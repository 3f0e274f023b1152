"""What autoscalers ask CloudWatch, and metric math."""

from __future__ import annotations

import pytest

from localcloud.pods.cloudwatch import ExpressionError, evaluate, newest, request
from localcloud.pods.model import CloudWatchQuery

QUERY = CloudWatchQuery("Chat", "ActiveConnections", (("service", "chat"),), "Average", collection=180)


@pytest.mark.parametrize(
    ("now", "delay", "end"), [(600, 0, 600), (659, 0, 600), (660, 0, 660), (660, 60, 600), (719, 60, 600)]
)
def test_only_whole_minutes_that_can_be_seen_are_asked_for(now: float, delay: float, end: int) -> None:
    asked = request(QUERY, now, delay)
    assert (asked["StartTime"], asked["EndTime"], asked["ScanBy"]) == (end - 180, end, "TimestampDescending")


def test_a_query_says_all_that_it_is_about() -> None:
    (query,) = request(QUERY, 600, 0)["MetricDataQueries"]
    metric = {
        "Namespace": "Chat",
        "MetricName": "ActiveConnections",
        "Dimensions": [{"Name": "service", "Value": "chat"}],
    }
    assert query["MetricStat"] == {"Metric": metric, "Period": 60, "Stat": "Average"}


def test_the_first_value_is_the_newest_and_none_is_none() -> None:
    assert newest({"MetricDataResults": [{"Values": [3, 2]}]}) == 3.0
    assert newest({"MetricDataResults": [{"Values": [0.0, 2]}]}) == 0.0
    assert newest({"MetricDataResults": [{"Values": []}]}) is None
    assert newest({}) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a / b", 5.0),
        ("FILL(gone, 0) / 60 / b", 0.0),
        ("FILL(a, 0) / b", 5.0),
        ("(a + 2) * -b - 1.5", -25.5),
        ("a / gone", None),
        ("a / (b - 2)", None),
        ("gone", None),
    ],
)
def test_metric_math(expression: str, value: float | None) -> None:
    assert evaluate(expression, {"a": 10.0, "b": 2.0, "gone": None}) == value


@pytest.mark.parametrize(
    "expression", ["", "a +", "c", "RATE(a)", "FILL(a, REPEAT)", "a if b else c", "a.real", "a[0]", "True", "a ** b"]
)
def test_other_math_is_an_error_that_names_it(expression: str) -> None:
    with pytest.raises(ExpressionError, match="metric math"):
        evaluate(expression, {"a": 1.0, "b": 1.0})
