from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.triggers import schedule
from localcloud.triggers.schedule import At, Rate, ScheduleError

MOMENTS = st.floats(datetime(1999, 1, 1, tzinfo=UTC).timestamp(), datetime(2090, 1, 1, tzinfo=UTC).timestamp())
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def dues(expression: str, start: str, count: int, zone: str | None = None) -> list[str]:
    """The next ones, in UTC, up to the minute."""
    found: list[str] = []
    now = moment(start)
    parsed = schedule.scheduler(expression, zone) if zone else schedule.rule(expression)
    while len(found) < count and (due := parsed.after(now, now)) is not None:
        found.append(datetime.fromtimestamp(due, UTC).isoformat()[:16])
        now = due
    return found


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(1 hour)", 3600), ("rate(7 days)", 604800)],
)
def test_a_rate_is_read(expression: str, seconds: int) -> None:
    assert schedule.rule(expression) == schedule.scheduler(expression) == Rate(seconds)


def test_the_scheduler_does_not_mind_the_plural() -> None:
    assert schedule.scheduler("rate(1 minutes)") == Rate(60)


@given(st.integers(1, 1000), MOMENTS, st.floats(-1e6, 1e6))
def test_a_rate_counts_from_when_it_was_made(minutes: int, since: float, later: float) -> None:
    now = since + later
    due = Rate(minutes * 60).after(now, since)
    assert due is not None
    assert now < due
    assert due - now <= minutes * 60 + 1e-3 or later < 0
    assert due >= since + minutes * 60 - 1e-3
    count = (due - since) / (minutes * 60)
    assert abs(count - round(count)) < 1e-6


# Most of these are the examples of the EventBridge User Guide; 2024-01-01 was a Monday.
@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("cron(0 10 * * ? *)", ["2024-01-01T10:00", "2024-01-02T10:00"]),
        ("cron(15 12 * * ? *)", ["2024-01-01T12:15", "2024-01-02T12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["2024-01-01T18:00", "2024-01-02T18:00"]),
        ("cron(0 8 1 * ? *)", ["2024-01-01T08:00", "2024-02-01T08:00"]),
        ("cron(0/15 * * * ? *)", ["2024-01-01T00:15", "2024-01-01T00:30", "2024-01-01T00:45", "2024-01-01T01:00"]),
        ("cron(1/20 * * * ? *)", ["2024-01-01T00:01", "2024-01-01T00:21", "2024-01-01T00:41", "2024-01-01T01:01"]),
        ("cron(10-14/2 0 * * ? *)", ["2024-01-01T00:10", "2024-01-01T00:12", "2024-01-01T00:14", "2024-01-02T00:10"]),
        ("cron(0/5 8-17 ? * MON-FRI *)", ["2024-01-01T08:00", "2024-01-01T08:05"]),
        ("cron(0/30 20,0 ? * sun *)", ["2024-01-07T00:00", "2024-01-07T00:30", "2024-01-07T20:00"]),
        ("cron(0 9 ? * 2#1 *)", ["2024-01-01T09:00", "2024-02-05T09:00"]),
        ("cron(0 9 ? * TUE#5 *)", ["2024-01-30T09:00", "2024-04-30T09:00"]),
        ("cron(0 10 ? * 6L 2024)", ["2024-01-26T10:00", "2024-02-23T10:00", "2024-03-29T10:00"]),
        ("cron(0 10 ? * L *)", ["2024-01-06T10:00", "2024-01-13T10:00"]),
        ("cron(0 0 L * ? *)", ["2024-01-31T00:00", "2024-02-29T00:00", "2024-03-31T00:00"]),
        ("cron(0 0 3W * ? *)", ["2024-01-03T00:00", "2024-02-02T00:00", "2024-03-04T00:00"]),
        ("cron(0 0 1W JUN ? *)", ["2024-06-03T00:00", "2025-06-02T00:00"]),
        ("cron(0 0 31W MAR ? *)", ["2024-03-29T00:00", "2025-03-31T00:00"]),
        ("cron(0 0 29 2 ? *)", ["2024-02-29T00:00", "2028-02-29T00:00"]),
        ("cron(0 0 1,L FEB,APR-MAY ? *)", ["2024-02-01T00:00", "2024-02-29T00:00", "2024-04-01T00:00"]),
    ],
)
def test_a_cron_expression_falls_due(expression: str, found: list[str]) -> None:
    assert dues(expression, "2024-01-01", len(found)) == found


def test_some_schedules_end_or_never_begin() -> None:
    assert dues("cron(0 0 1 1 ? 2024-2025)", "2024-01-01", 9) == ["2025-01-01T00:00"]
    assert dues("cron(0 0 31 FEB ? *)", "2024-01-01", 9) == []
    assert At(100).after(99, 0) == 100
    assert At(100).after(100, 0) is None


def test_a_time_zone_moves_cron_and_at() -> None:
    assert dues("cron(0 9 * * ? *)", "2024-01-01", 1, "Europe/Berlin") == ["2024-01-01T08:00"]
    assert dues("at(2024-07-01T09:00:00)", "2024-01-01", 9, "Europe/Berlin") == ["2024-07-01T07:00"]


def test_daylight_saving_time_skips_and_does_not_repeat() -> None:
    spring = dues("cron(30 2 * * ? *)", "2024-03-30T12:00", 2, "Europe/Berlin")
    assert spring == ["2024-04-01T00:30", "2024-04-02T00:30"], "there is no 02:30 on the 31st of March"
    autumn = dues("cron(30 2 * * ? *)", "2024-10-26T12:00", 2, "Europe/Berlin")
    assert autumn == ["2024-10-27T00:30", "2024-10-28T01:30"], "the second 02:30 does not count"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("every minute", "is neither rate"),
        ("at(2024-01-01T00:00:00)", "is neither rate"),
        ("rate(1 minutes)", "singular for 1"),
        ("rate(5 minute)", "singular for 1"),
        ("rate(0 minutes)", "at least 1"),
        ("rate(5 seconds)", "is neither rate"),
        ("cron(* * * * *)", "six fields, not 5"),
        ("cron(0 0 * * * *)", "one of day-of-month and day-of-week is ?"),
        ("cron(0 0 ? * ? *)", "one of day-of-month and day-of-week is ?"),
        ("cron(60 0 * * ? *)", "'60' does not do for minutes: values are 0 to 59"),
        ("cron(0 ? * * ? *)", "'?' does not do for hours"),
        ("cron(0 0 * JANUARY ? *)", "values are 1 to 12 or JAN to DEC"),
        ("cron(0 0 ? * 0 *)", "values are 1 to 7 or SUN to SAT"),
        ("cron(0 0 ? * FRI-MON *)", "a range runs upwards"),
        ("cron(0 0 ? * 2/2 *)", "takes no steps"),
        ("cron(0 0 ? * 3#1,6#3 *)", "does not do for day-of-week"),
        ("cron(0 0 ? * 3#6 *)", "values are 1 to 5"),
        ("cron(0 0 LW * ? *)", "'LW' does not do for day-of-month"),
        ("cron(0 0 L-3 * ? *)", "'L-3' does not do for day-of-month"),
        ("cron(*/0 0 * * ? *)", "a step is a number from 1"),
        ("cron(*/x 0 * * ? *)", "a step is a number from 1"),
        ("cron(1,,2 0 * * ? *)", "'' does not do for minutes"),
        ("cron(0 0 * * ? 1969)", "values are 1970 to 2199"),
    ],
)
def test_what_aws_does_not_take_is_refused_with_the_reason(expression: str, reason: str) -> None:
    with pytest.raises(ScheduleError) as error:
        schedule.rule(expression)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("expression", "zone", "reason"),
    [
        ("tomorrow", None, "none of rate"),
        ("at(2024-02-30T00:00:00)", None, "day"),
        ("cron(0 0 * * ? *)", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("cron(0 0 * * ? *)", "../etc/passwd", "no time zone"),
    ],
)
def test_what_the_scheduler_does_not_take_is_refused_too(expression: str, zone: str | None, reason: str) -> None:
    with pytest.raises(ScheduleError, match=reason):
        schedule.scheduler(expression, zone)


def subset(low: int, high: int) -> st.SearchStrategy[set[int]]:
    return st.sets(st.integers(low, high), min_size=1, max_size=6)


@given(subset(0, 59), subset(0, 23), st.none() | subset(1, 28), subset(1, 12), subset(1, 7), MOMENTS)
def test_the_next_time_matches_and_none_was_passed_over(
    minutes: set[int], hours: set[int], days: set[int] | None, months: set[int], week_days: set[int], now: float
) -> None:
    by_week = days is None
    fields = [
        ",".join(map(str, minutes)),
        ",".join(map(str, hours)),
        "?" if days is None else ",".join(map(str, days)),
        ",".join(MONTHS[month - 1] for month in months),
        ",".join(DAYS[day - 1] for day in week_days) if by_week else "?",
        "*",
    ]
    due = schedule.rule(f"cron({' '.join(fields)})").after(now, now)

    def matches(time: datetime) -> bool:
        day_fits = (time.isoweekday() % 7 + 1) in week_days if days is None else time.day in days
        return time.minute in minutes and time.hour in hours and time.month in months and day_fits

    assert due is not None
    assert due > now
    found = datetime.fromtimestamp(due, UTC)
    assert matches(found)
    assert found.second == found.microsecond == 0
    between = datetime.fromtimestamp(now, UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(300):
        if between >= found:
            break
        assert not matches(between)
        between += timedelta(minutes=1)


@given(st.text(alphabet="0123456789*?/-,LW#ACDEFJMNORSTU ", max_size=30), MOMENTS)
def test_any_text_is_a_schedule_or_an_error(text: str, now: float) -> None:
    for expression in (f"cron({text})", f"cron(0 0 {text} * ? *)", f"cron(0 0 ? * {text} *)", text):
        try:
            due = schedule.rule(expression).after(now, now)
        except ScheduleError:
            continue
        assert due is None or due > now
