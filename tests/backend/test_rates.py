"""How fast a connection may send."""

import random

import pytest

from backend.rates import Rates

NOW = 1_800_000_000.0


@pytest.mark.parametrize("rate", [1, 2, 3, 7, 100, 999])
def test_as_many_at_once_as_a_second_allows_and_then_one_by_one(rate: int) -> None:
    rates = Rates(rate)
    assert [rates.allow("a", NOW) for _ in range(rate + 2)] == [True] * rate + [False] * 2
    for number in range(1, 2 * rate):
        assert rates.allow("a", NOW + number / rate + 1e-6)
        assert not rates.allow("a", NOW + number / rate + 1e-6)
    assert rates.allow("b", NOW)
    later = NOW + 100
    assert [rates.allow("a", later) for _ in range(rate + 1)] == [True] * rate + [False]


def test_none_allows_everything() -> None:
    assert all(Rates(0).allow("a", NOW) for _ in range(1000))


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    rates = Rates(2)
    assert [rates.allow("a", NOW) for _ in range(3)] == [True, True, False]
    earlier = NOW - 3600
    allowed = [rates.allow("a", earlier + after) for after in (0, 0.3, 0.6, 0.7, 1.1)]
    assert allowed == [False, False, True, False, True]


def test_to_forget_changes_no_answer() -> None:
    """Buckets that are full again are dropped; those that are not are kept, however many there are."""
    rng = random.Random(3)
    few, many = Rates(5, remembered=3), Rates(5, remembered=10**6)
    now = NOW
    for _ in range(5000):
        now += rng.choice([0, 0.001, 0.01, 0.5])
        name = str(rng.randrange(40))
        assert few.allow(name, now) == many.allow(name, now)
    assert len(few._full_at) <= 80
