"""What a scaler sees is old."""

import pytest

from autoscaling.delay import visible


@pytest.mark.parametrize(
    ("now", "delay", "period", "seen"),
    [
        (100, 0, 0, 100),
        (100, 60, 0, 40),
        (120, 0, 60, 119),  # the period that has just ended
        (179, 0, 60, 119),
        (180, 90, 60, 59),
        (209, 90, 60, 59),
        (210, 90, 60, 119),
    ],
)
def test_a_period_shows_its_end_once_it_is_over_and_published(now: int, delay: int, period: int, seen: int) -> None:
    assert visible(now, delay, period) == seen
