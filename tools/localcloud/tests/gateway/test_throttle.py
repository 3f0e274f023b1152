from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localcloud.gateway.throttle import Limit, Throttle


def admitted(throttle: Throttle, route: str | None, *times: float) -> int:
    return sum(throttle.admits(route, now) for now in times)


def test_a_burst_passes_at_once_and_then_the_rate() -> None:
    throttle = Throttle(None, Limit(2, 5))
    assert admitted(throttle, "ping", *[0.0] * 10) == 5
    assert admitted(throttle, "ping", 0.4) == 0
    assert admitted(throttle, "ping", 0.5) == 1
    assert admitted(throttle, "ping", *[1.5] * 10) == 2
    assert admitted(throttle, "ping", *[1000.0] * 10) == 5


def test_a_rate_or_burst_of_zero_lets_nothing_through() -> None:
    for limit in (Limit(0, 5), Limit(5, 0), Limit(0, 0)):
        throttle = Throttle(None, limit)
        assert admitted(throttle, "$connect", 0.0, 10.0, 1000.0) == 0


def test_a_route_has_its_own_limit_or_a_bucket_of_its_own_at_the_stages_default() -> None:
    throttle = Throttle(None, Limit(1, 1), {"busy": Limit(1, 3)})
    assert admitted(throttle, "busy", *[0.0] * 5) == 3
    assert admitted(throttle, "ping", *[0.0] * 5) == 1
    assert admitted(throttle, "pong", *[0.0] * 5) == 1


def test_without_limits_everything_passes() -> None:
    assert admitted(Throttle(None), "ping", *[0.0] * 20_000) == 20_000


def test_the_accounts_bucket_is_shared_by_routes_and_callbacks() -> None:
    throttle = Throttle(Limit(1, 4))
    assert admitted(throttle, "a", 0.0, 0.0) == 2
    assert admitted(throttle, "b", 0.0) == 1
    assert admitted(throttle, None, 0.0, 0.0) == 1


def test_callbacks_pass_by_the_stages_limits() -> None:
    assert admitted(Throttle(Limit(1, 4), Limit(0, 0)), None, 0.0) == 1


def test_what_the_route_refuses_costs_the_account_nothing() -> None:
    throttle = Throttle(Limit(1, 2), None, {"shut": Limit(0, 0)})
    assert admitted(throttle, "shut", *[0.0] * 5) == 0
    assert admitted(throttle, "open", *[0.0] * 5) == 2


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    throttle = Throttle(None, Limit(1, 1))
    assert admitted(throttle, "a", 100.0, 50.0, 100.5, 100.9) == 1


@given(st.floats(0.1, 1000), st.integers(1, 50), st.lists(st.floats(0, 10), min_size=1, max_size=200).map(sorted))
def test_never_more_than_the_burst_and_the_rate_pass(rate: float, burst: int, times: list[float]) -> None:
    throttle = Throttle(None, Limit(rate, burst))
    assert admitted(throttle, "a", *times) <= burst + rate * times[-1] + 1e-6
