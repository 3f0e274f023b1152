"""Schedule expressions: `rate(…)`, `cron(…)` and `at(…)`, and when each falls due next. Pure: time is passed in.

Sources: "Cron expressions reference" and "Rate expressions reference", Amazon EventBridge User Guide; "Schedule types",
EventBridge Scheduler User Guide. What these do not describe is refused, so that what runs here can be deployed.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NoReturn, Protocol
from zoneinfo import ZoneInfo

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\(\s*(\d+)\s+(minute|hour|day)(s?)\s*\)")
_CRON = re.compile(r"cron\((.*)\)")
_AT = re.compile(r"at\(\s*(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\s*\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_SUNDAY, _SATURDAY = 1, 7

Days = Callable[[int, int], list[int]]  # the days of a year's month, in order


class ScheduleError(ValueError):
    """An expression that AWS would not take. The text says what is wrong with it."""


class Schedule(Protocol):
    """Moments at which something falls due, in epoch seconds."""

    def after(self, moment: float, since: float) -> float | None:
        """The first one later than `moment`, None when there is no more; `since` is when the schedule was made."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Regular intervals, counted from when the schedule was made."""

    seconds: int

    def after(self, moment: float, since: float) -> float | None:
        count = max(0, (moment - since) // self.seconds) + 1
        due = since + count * self.seconds
        return due if due > moment else due + self.seconds  # rounded down to `moment` itself


@dataclass(frozen=True, slots=True)
class At:
    """One moment."""

    moment: float

    def after(self, moment: float, since: float) -> float | None:  # noqa: ARG002
        return self.moment if self.moment > moment else None


@dataclass(frozen=True, slots=True)
class Cron:
    """Minutes of a wall clock. One that daylight saving time skips does not come, one that it repeats comes once."""

    minutes: list[int]
    hours: list[int]
    days: Days
    months: list[int]
    years: list[int]
    zone: tzinfo

    def after(self, moment: float, since: float) -> float | None:  # noqa: ARG002
        for local in self._matches(datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None)):
            due = local.replace(tzinfo=self.zone).timestamp()
            if due > moment and datetime.fromtimestamp(due, self.zone).replace(tzinfo=None) == local:
                return due
        return None

    def _matches(self, start: datetime) -> Iterator[datetime]:
        """What the wall clock shows when it matches, from the minute of `start` on."""
        start = start.replace(second=0, microsecond=0, fold=0)
        for year in self.years:
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                for day in self.days(year, month):
                    if (year, month, day) < (start.year, start.month, start.day):
                        continue
                    for hour in self.hours:
                        for minute in self.minutes:
                            local = datetime(year, month, day, hour, minute)
                            if local >= start:
                                yield local


def rule(expression: str) -> Schedule:
    """The schedule of an EventBridge rule: a rate, or a cron expression in UTC. It raises ScheduleError."""
    if match := _RATE.fullmatch(expression):
        if (int(match[1]) == 1) == bool(match[3]):
            raise ScheduleError(f"{expression!r}: the unit of a rule's rate is singular for 1, plural otherwise")
        return _rate(expression, match)
    if match := _CRON.fullmatch(expression):
        return _cron(expression, match[1], UTC)
    raise ScheduleError(f"{expression!r} is neither rate(value unit) nor cron(six fields)")


def scheduler(expression: str, zone: str | None = None) -> Schedule:
    """The schedule of EventBridge Scheduler: also `at(…)`, and in a time zone. It raises ScheduleError."""
    try:
        known = ZoneInfo(zone) if zone and zone != "UTC" else UTC
    except (LookupError, OSError, ValueError) as error:
        raise ScheduleError(f"there is no time zone {zone!r} here") from error
    if match := _RATE.fullmatch(expression):
        return _rate(expression, match)
    if match := _CRON.fullmatch(expression):
        return _cron(expression, match[1], known)
    if match := _AT.fullmatch(expression):
        try:
            return At(datetime.fromisoformat(match[1]).replace(tzinfo=known).timestamp())
        except ValueError as error:
            raise ScheduleError(f"{expression!r}: {error}") from error
    raise ScheduleError(f"{expression!r} is none of rate(value unit), cron(six fields) and at(yyyy-mm-ddThh:mm:ss)")


def _rate(expression: str, match: re.Match[str]) -> Rate:
    if int(match[1]) == 0:
        raise ScheduleError(f"{expression!r}: a rate is at least 1")
    return Rate(int(match[1]) * _UNITS[match[2]])


def _cron(expression: str, text: str, zone: tzinfo) -> Cron:
    fields = text.upper().split()
    if len(fields) != 6:
        raise ScheduleError(f"{expression!r}: cron takes six fields, not {len(fields)}")
    minutes, hours, month_days, months, week_days, years = fields
    if (month_days == "?") == (week_days == "?"):
        raise ScheduleError(f"{expression!r}: one of day-of-month and day-of-week is ?, and the other is not")
    try:
        return Cron(
            _numbers("minutes", minutes, 0, 59),
            _numbers("hours", hours, 0, 23),
            _month_days(month_days) if week_days == "?" else _week_days(week_days),
            _numbers("month", months, 1, 12, _MONTHS),
            _numbers("year", years, 1970, 2199),
            zone,
        )
    except ScheduleError as error:
        raise ScheduleError(f"{expression!r}: {error}") from error


# The fields of a cron expression.


def _numbers(field: str, text: str, low: int, high: int, names: tuple[str, ...] = ()) -> list[int]:
    return sorted({number for item in text.split(",") for number in _range(field, item, low, high, names)})


def _range(field: str, item: str, low: int, high: int, names: tuple[str, ...]) -> range:
    """`*`, `5`, `5-9`, and each with a step: `*/2`, `5/2` (from 5 on), `5-9/2`."""
    span, slash, step = item.partition("/")
    first, dash, last = (str(low), "-", str(high)) if span == "*" else span.partition("-")
    start = _number(field, item, first, low, high, names)
    end = _number(field, item, last, low, high, names) if dash else high if slash else start
    if end < start:
        _refuse(field, item, "a range runs upwards")
    if slash and not (step.isdecimal() and int(step) > 0):
        _refuse(field, item, "a step is a number from 1")
    return range(start, end + 1, int(step) if slash else 1)


def _number(field: str, item: str, text: str, low: int, high: int, names: tuple[str, ...] = ()) -> int:
    if text in names:
        return names.index(text) + 1
    if not (text.isdecimal() and low <= int(text) <= high):
        _refuse(field, item, f"values are {low} to {high}{f' or {names[0]} to {names[-1]}' if names else ''}")
    return int(text)


def _month_days(text: str) -> Days:
    """Days by number, `L` for a month's last, and `nW` for the weekday nearest to the nth within the month."""
    items = text.split(",")
    nearest = [_number("day-of-month", item, item[:-1], 1, 31) for item in items if item.endswith("W")]
    plain = [item for item in items if item != "L" and not item.endswith("W")]
    numbers = set(_numbers("day-of-month", ",".join(plain), 1, 31)) if plain else set()

    def days(year: int, month: int) -> list[int]:
        last = calendar.monthrange(year, month)[1]
        found = {day for day in numbers if day <= last}
        found |= {last} if "L" in items else set()
        found |= {_nearest_weekday(year, month, day, last) for day in nearest if day <= last}
        return sorted(found)

    return days


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    match calendar.weekday(year, month, day):
        case calendar.SATURDAY:
            return day - 1 if day > 1 else 3
        case calendar.SUNDAY:
            return day + 1 if day < last else last - 2
        case _:
            return day


def _week_days(text: str) -> Days:
    """Days by number (Sunday is 1) or name, `L` for Saturday, `nL` for a month's last n, `n#k` for its kth n."""
    if "/" in text:
        _refuse("day-of-week", text, "it takes no steps")
    if "#" in text:
        name, _, position = text.partition("#")
        week_day = _week_day(text, name)
        place = _number("day-of-week", text, position, 1, 5)
        return lambda year, month: _all(year, month, week_day)[place - 1 : place]
    items = text.split(",")
    lasts = [_week_day(item, item[:-1]) for item in items if item.endswith("L") and item != "L"]
    plain = [item for item in items if not item.endswith("L")]
    numbers = set(_numbers("day-of-week", ",".join(plain), _SUNDAY, _SATURDAY, _WEEKDAYS)) if plain else set()
    numbers |= {_SATURDAY} if "L" in items else set()

    def days(year: int, month: int) -> list[int]:
        found = {day for number in numbers for day in _all(year, month, number)}
        return sorted(found | {_all(year, month, number)[-1] for number in lasts})

    return days


def _week_day(item: str, text: str) -> int:
    return _number("day-of-week", item, text, _SUNDAY, _SATURDAY, _WEEKDAYS)


def _all(year: int, month: int, week_day: int) -> list[int]:
    """Every day of a month that is this day of the week."""
    first, length = calendar.monthrange(year, month)
    return list(range(1 + (week_day - 2 - first) % 7, length + 1, 7))


def _refuse(field: str, item: str, reason: str) -> NoReturn:
    raise ScheduleError(f"{item!r} does not do for {field}: {reason}")
