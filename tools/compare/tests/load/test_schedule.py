"""When turns are due."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare.load.schedule import turns

rates = st.floats(0, 50)
segments = st.lists(st.tuples(st.floats(0.1, 20), rates, rates), min_size=1, max_size=4)


def test_a_constant_rate_is_even() -> None:
    assert list(turns([(2, 3, 3)])) == pytest.approx([0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3])


def test_a_ramp_speeds_up() -> None:
    times = list(turns([(10, 0, 10)]))
    assert len(times) == 50
    assert sum(time < 5 for time in times) == 13  # a quarter of them: from 0, so the one at 12.5 counts too


def test_a_spike_is_dense() -> None:
    times = list(turns([(1, 10, 10), (1, 100, 100), (1, 10, 10)]))
    assert [sum(low <= time < low + 1 for time in times) for low in (0, 1, 2)] == [10, 100, 10]


@settings(max_examples=50)
@given(segments, st.integers(1, 5))
def test_senders_that_share_a_load_make_the_whole(pieces: list[tuple[float, float, float]], senders: int) -> None:
    whole = list(turns(pieces))
    shared = sorted(time for index in range(senders) for time in turns(pieces, index, senders))
    assert shared == pytest.approx(whole)
    assert whole == sorted(whole)
    assert all(0 <= time <= sum(piece[0] for piece in pieces) + 1e-6 for time in whole)
    assert len(whole) == pytest.approx(sum(seconds * (start + end) / 2 for seconds, start, end in pieces), abs=1.001)
