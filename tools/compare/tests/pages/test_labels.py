"""Labels keep their order and their distance."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.pages.labels import short, shortened, spread, width


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([], []),
        ([50], [50]),
        ([10, 50], [10, 50]),
        ([50, 50], [45, 55]),
        ([98, 99, 100], [80, 90, 100]),
        ([0, 0], [0, 10]),
        ([40, 44, 48, 90], [34, 44, 54, 90]),
        ([55, 50], [57.5, 47.5]),
        ([-30, 130], [0, 100]),
    ],
)
def test_places_move_apart_around_where_they_were_wanted(wanted: list[float], expected: list[float]) -> None:
    assert spread(wanted, 10, 0, 100) == pytest.approx(expected)


@given(st.lists(st.floats(-50, 250), max_size=12), st.floats(1, 40))
def test_no_two_touch_and_all_stay_within(wanted: list[float], gap: float) -> None:
    found = spread(wanted, gap, 0, 200)
    apart = min(gap, 200 / max(1, len(wanted) - 1))
    assert all(-1e-6 <= place <= 200 + 1e-6 for place in found)
    assert all(right - left >= apart - 1e-6 for left, right in pairwise(sorted(found)))
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    assert [found[index] for index in order] == sorted(found)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.5"), (20, "20"), (1500, "1,500"), (10_000, "10k"), (250_000, "250k"), (3e6, "3M")],
)
def test_numbers_of_an_axis_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_what_does_not_fit_is_shortened() -> None:
    assert shortened("lambda", 100) == "lambda"
    short = shortened("a-name-of-thirty-one-characters", 100)
    assert short.endswith("…")
    assert width(short) <= 100
