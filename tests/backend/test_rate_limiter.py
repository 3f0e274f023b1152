"""How fast a connection may send."""

import random

import pytest

from backend.rate_limiter import RateLimiter

NOW = 1_800_000_000.0


@pytest.mark.parametrize("rate", [1, 2, 3, 7, 100, 999])
def test_as_many_at_once_as_a_second_allows_and_then_one_by_one(rate: int) -> None:
    limiter = RateLimiter(rate)
    assert [limiter.allow("a", NOW) for _ in range(rate + 2)] == [True] * rate + [False] * 2
    for number in range(1, 2 * rate):
        assert limiter.allow("a", NOW + number / rate + 1e-6)
        assert not limiter.allow("a", NOW + number / rate + 1e-6)
    assert limiter.allow("b", NOW)
    later = NOW + 100
    assert [limiter.allow("a", later) for _ in range(rate + 1)] == [True] * rate + [False]


def test_none_allows_everything() -> None:
    assert all(RateLimiter(0).allow("a", NOW) for _ in range(1000))


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    limiter = RateLimiter(2)
    assert [limiter.allow("a", NOW) for _ in range(3)] == [True, True, False]
    earlier = NOW - 3600
    allowed = [limiter.allow("a", earlier + after) for after in (0, 0.3, 0.6, 0.7, 1.1)]
    assert allowed == [False, False, True, False, True]


def test_to_forget_changes_no_answer() -> None:
    """Buckets that are full again are dropped; those that are not are kept, however many there are."""
    rng = random.Random(3)
    few, many = RateLimiter(5, remembered=3), RateLimiter(5, remembered=10**6)
    now = NOW
    for _ in range(5000):
        now += rng.choice([0, 0.001, 0.01, 0.5])
        name = str(rng.randrange(40))
        assert few.allow(name, now) == many.allow(name, now)
    assert len(few._full_at) <= 80
