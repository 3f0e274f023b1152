"""What curves and shares make of a histogram."""

from __future__ import annotations

import random

import pytest

from compare.load.measures import decode, encode, histogram, record
from compare.report.sections.distributions import bounds, distribution


def recorded(*milliseconds: float) -> str:
    found = histogram()
    for value in milliseconds:
        record(found, value / 1000)
    return encode(found)


def test_percentiles_are_those_that_the_library_gives() -> None:
    chance = random.Random(8)
    encoded = recorded(*(chance.lognormvariate(1, 1) for _ in range(999)))
    found, known = distribution("it", 0, encoded), decode(encoded)
    assert found is not None
    assert found.count == 999
    for nines, milliseconds in found.percentiles:
        expected = known.get_value_at_percentile(100 * (1 - 10**-nines)) / 1000
        assert milliseconds == pytest.approx(expected, rel=0.002), nines
    assert (found.p50, found.p99) == tuple(known.get_value_at_percentile(p) / 1000 for p in (50, 99))


def test_shares_add_up_and_lie_where_the_times_do() -> None:
    found = distribution("it", 0, recorded(1, 1, 1, 100))
    assert found is not None
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.shares == {0: 0.75, 48: 0.25}


def test_one_answer_makes_a_curve_and_none_makes_nothing() -> None:
    found = distribution("it", 0, recorded(3))
    assert found is not None
    assert bounds([found]) == pytest.approx((3 / 1.15, 3 * 1.15, 0), rel=0.01)
    assert distribution("it", 0, recorded()) is None


@pytest.mark.parametrize(
    "text", ["", "none", "HISTFAAAABh4", "HISTFAAAAB54nJNpmSzMwMDAxQABzFCaEUzOmNZg/wEi0MPECACfDQYF"]
)
def test_what_is_no_histogram_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="a histogram cannot be read"):
        distribution("it", 0, text)
