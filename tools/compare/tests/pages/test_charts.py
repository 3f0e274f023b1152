"""Charts: round ticks, points that can be seen, text that cannot break out."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.pages.charts import Axis, Chart, Scale, Series, lines, thin, ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 47_000, [0, 10_000, 20_000, 30_000, 40_000]),
        (0.3, 1.1, [0.4, 0.6, 0.8, 1.0]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


@given(st.floats(0, 1e9), st.floats(0.001, 1e9), st.integers(2, 12))
def test_ticks_are_few_and_within_both_ends(low: float, span: float, most: int) -> None:
    found = ticks(low, low + span, most)
    assert len(found) <= most + 1
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in found)


def test_a_log_scale_goes_by_powers_of_ten() -> None:
    scale = Scale(1, 1000, 0, 300, log=True)
    assert [scale(value) for value in (1, 10, 100, 1000)] == pytest.approx([0, 100, 200, 300])
    assert scale.ticks() == [1, 10, 100, 1000]


def test_repeated_values_are_left_out() -> None:
    assert thin([0, 1, 2, 3, 4], [5, 5, 6, 6, 5]) == [(0, 5), (2, 6), (4, 5)]
    assert thin([], []) == []


def test_crowded_points_keep_their_extremes() -> None:
    values = [index % 7 for index in range(50_000)]
    values[31_234], values[41_234] = 900, -900
    kept = thin(range(50_000), values)
    assert len(kept) < 2000
    assert {(31_234, 900), (41_234, -900)} <= set(kept)


def test_a_chart_is_well_formed_whatever_its_names_are() -> None:
    axis = Axis("<time> & more", str)
    drawing = lines([Series('<script>"', [0, 1], [3, 9])], axis, axis, x_end=2, title='a "title" <b>')
    root = ElementTree.fromstring(f"<root>{drawing}</root>")  # noqa: S314 - our own
    assert '<script>"' in [element.text for element in root.iter() if element.tag.endswith("title")]


def test_a_stepped_line_keeps_its_value_until_the_next_point() -> None:
    chart = Chart(Scale(0, 10, 0, 100), Scale(0, 10, 100, 0), Axis("", str), Axis("", str), 100, 100, "")
    chart.series(Series("s", [0, 5], [0, 10]))
    chart.series(Series("l", [0, 5], [0, 10], stepped=False))
    assert 'd="M0.0 100.0H50.0V0.0H100.0"' in chart.svg()
    assert 'd="M0.0 100.0L50.0 0.0"' in chart.svg()
