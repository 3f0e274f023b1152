"""The little of PromQL that is evaluated here."""

from __future__ import annotations

import re

import pytest

from localcloud.pods.promql import LOOKBACK, History, Query, QueryError

A, B, OTHER = {"app": "ws-gateway", "pod": "a"}, {"app": "ws-gateway", "pod": "b"}, {"app": "other", "pod": "c"}
NOW = 1000.0


def value(text: str, *said: tuple[float, list[tuple[str, dict[str, str], float]]], now: float = NOW) -> float | None:
    query = Query(text)
    history = History(query.selectors)
    for moment, samples in said:
        history.add(moment, samples)
    return query.evaluate(history, now)


OPEN = (NOW, [("open", A, 30.0), ("open", B, 12.0), ("open", OTHER, 1000.0), ("most", A, 20.0), ("most", B, 40.0)])


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('sum(open{app="ws-gateway"})', 42),
        ("sum(open)", 1042),
        ("sum(open{})", 1042),
        ('sum(open{app!="ws-gateway"})', 1000),
        ('sum ( open { app = "ws-gateway" , pod = "a", } )', 30),
        ('avg(open{app="ws-gateway"})', 21),
        ('max(open{app="ws-gateway"}) - min(open{app="ws-gateway"})', 18),
        ('count(open{app="ws-gateway"})', 2),
        ('100 * sum(open{app="ws-gateway"}) / avg(most{app="ws-gateway"})', 140),
        ('sum(open{app="ws-gateway"}) + 2 * (3 - 1)', 46),
        ("1.5e3", 1500),
        ('sum(open{missing=""})', 1042),
    ],
)
def test_queries_over_what_pods_say(text: str, result: float) -> None:
    assert value(text, OPEN) == result


@pytest.mark.parametrize(
    "text", ['sum(open{app="nobody"})', "sum(nothing)", "sum(open) / (1 - 1)", "sum(open)+sum(no)"]
)
def test_no_data_is_no_number(text: str) -> None:
    assert value(text, OPEN) is None


def test_a_pod_that_does_not_answer_any_more_is_not_counted() -> None:
    gone = (NOW + 1, [("open", A, 30.0)])
    assert value('sum(open{app="ws-gateway"})', OPEN, gone, now=NOW + 1) == 30
    assert value("sum(open)", OPEN, now=NOW + LOOKBACK) == 1042
    assert value("sum(open)", OPEN, now=NOW + LOOKBACK + 1) is None


def test_rates_are_by_the_second_over_the_range_and_survive_a_counter_that_begins_anew() -> None:
    samples = [
        (NOW - 60 + 15 * step, [("sent", A, count)]) for step, count in enumerate((100.0, 160.0, 10.0, 40.0, 70.0))
    ]
    assert value("sum(rate(sent[1m]))", *samples) == (60 + 10 + 30 + 30) / 60
    assert value("sum(rate(sent[30s]))", *samples) == 60 / 30
    assert value("sum(rate(sent[1m])) + sum(rate(sent[1m]))", *samples) == 2 * 130 / 60
    assert value("sum(rate(sent[1m]))", samples[-1]) is None, "one sample is no rate"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "open",
        "sum(open",
        "sum(open) by (pod)",
        "sum by (pod) (open)",
        "rate(sent[1m])",
        "sum(rate(sent))",
        "sum(rate(sent[1x]))",
        'sum(open{app=~"ws.*"})',
        "sum(open offset 5m)",
        "histogram_quantile(0.9, open)",
        "sum(open) > 5",
        "sum(open) or vector(0)",
        "sum(open)) ",
        "(" * 5000 + "1" + ")" * 5000,
        'sum(open{app="x}',
        "sum(open{5})",
    ],
)
def test_what_is_not_understood_is_one_line_that_says_what_is(text: str) -> None:
    with pytest.raises(
        QueryError, match=re.escape("is not understood without a Prometheus: install prometheus")
    ) as error:
        Query(text)
    assert "\n" not in str(error.value)
