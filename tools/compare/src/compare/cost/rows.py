"""The rows that bills are made of: prices and inputs, and what a file of the user's puts in their place."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from compare import files
from compare.errors import CompareError

Case = Literal["low", "value", "high"]
CASES: Final[tuple[Case, ...]] = ("low", "value", "high")

_MOST_KIB = 1024  # of a file
_LARGEST_FIGURE = Decimal(10) ** 15
_SMALLEST_DIVISOR = Decimal(10) ** -9
# Inputs that the model divides by, besides `per` and every quota.
_DIVISORS = {
    "pod.vcpu",
    "pod.gib",
    "pod.utilisation",
    "http.connections_per_pod",
    "sockets.connections_per_pod",
    "touch.minutes",
    "nlb.gb",
    "nlb.tcp_new",
    "nlb.tcp_active",
    "nlb.tls_new",
    "nlb.tls_active",
}
_BARE = {"eks.auto_mode"}  # stands with the prices, but is a share: it has neither tiers nor units
_FIGURES = ("value", "tiers", "low", "high")


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Units up to the `up_to`th cost `value` for each `per` of them; the last tier has no end."""

    value: Decimal
    up_to: Decimal | None = None


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """One figure, where it comes from, and how sure it is (docs/cost-model.md, "Rows")."""

    value: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    per: Decimal = Decimal(1)
    free: Decimal = Decimal(0)
    unit: str
    source: str
    as_of: str
    confidence: Literal["A", "B", "C", "unconfirmed"]

    def in_case(self, case: Case) -> Decimal:
        """What it is in one of the three bills; a row of tiers is asked for its tiers instead."""
        given = {"low": self.low, "value": self.value, "high": self.high}[case]
        chosen = self.value if given is None else given
        assert chosen is not None  # noqa: S101 - `_row` lets no row without either pass
        return chosen


class Rows:
    """Every row by its key, and which of them are the user's."""

    def __init__(self, rows: Mapping[str, Row], changed: Collection[str] = ()) -> None:
        self.by_key = rows
        self.changed = frozenset(changed)

    def value(self, key: str) -> Decimal:
        """What a row is in the `value` bill."""
        return self.by_key[key].in_case("value")

    def replaced(self, rows: Mapping[str, Row]) -> Rows:
        """These, with others in the place of some."""
        return Rows({**self.by_key, **rows}, self.changed)

    def in_case(self, case: Case, *, free_tier: bool) -> Rates:
        """The figures of one of the three bills."""
        return Rates(self.by_key, case, free_tier=free_tier)

    def in_cases(self, *, free_tier: bool) -> dict[Case, Rates]:
        """The figures of all three."""
        return {case: self.in_case(case, free_tier=free_tier) for case in CASES}


class Rates:
    """The figures of one bill: `rates[key]` is an input, `rates.cost(key, n)` what n units cost, in dollars."""

    def __init__(self, rows: Mapping[str, Row], case: Case, *, free_tier: bool) -> None:
        self._numbers = {key: row.in_case(case) for key, row in rows.items() if not row.tiers}
        self._tiers = {key: row.tiers for key, row in rows.items() if row.tiers}
        self._per = {key: row.per for key, row in rows.items() if row.per != 1}
        self._free = {key: row.free for key, row in rows.items() if free_tier and row.free}

    def __getitem__(self, key: str) -> Decimal:
        return self._numbers[key]

    def cost(self, key: str, quantity: Decimal) -> Decimal:
        amount = self._price(key, quantity)
        if key in self._free:
            amount -= self._price(key, min(quantity, self._free[key]))
        return amount / self._per[key] if key in self._per else amount

    def _price(self, key: str, quantity: Decimal) -> Decimal:
        if key not in self._tiers:
            return quantity * self._numbers[key]
        total, start = Decimal(0), Decimal(0)
        for tier in self._tiers[key]:
            if tier.up_to is None or quantity <= tier.up_to:
                return total + (quantity - start) * tier.value
            total += (tier.up_to - start) * tier.value
            start = tier.up_to
        raise AssertionError(key)  # `_row` lets no row without an open last tier pass


def shipped() -> Rows:
    """The rows that come with the project."""
    return Rows(_shipped()[1])


def overridden(path: Path, base: Rows | None = None) -> Rows:
    """The shipped rows, or those of `base`, with those of the user's file in their place.

    Raises CompareError, one line with the row, when a row cannot be used.
    """
    return changed(_read(path), f"{path}: ", base)


def changed(given: Mapping[str, Any], place: str = "", base: Rows | None = None) -> Rows:
    """The shipped rows, or those of `base`, with others in their place, as a file would give them. Raises CompareError.

    `place` stands before the row in an error.
    """
    raw, rows = _shipped()
    found = {}
    for key, fields in given.items():
        where = f"{place}{key}"
        if key not in raw:
            raise CompareError(f"{place}there is no row {key!r}{_nearest(key, raw)}")
        if not isinstance(fields, dict):
            raise CompareError(f'{where}: a row is an object such as {{"value": 1.5}}')
        if "value" not in fields and "tiers" not in fields:
            raise CompareError(f"{where}: it has neither value nor tiers")
        kept = {name: value for name, value in raw[key].items() if name not in _FIGURES}
        found[key] = _row(where, key, kept | fields)
    return Rows({**(base.by_key if base else rows), **found}, found)


@cache
def _shipped() -> tuple[dict[str, dict[str, Any]], dict[str, Row]]:
    here = resources.files("compare.cost")
    raw: dict[str, dict[str, Any]] = {}
    for name in ("prices.json", "inputs.json"):
        raw |= _parse(name, (here / name).read_text(encoding="utf-8"))
    return raw, {key: _row(key, key, fields) for key, fields in raw.items()}


@cache
def _price_keys() -> frozenset[str]:
    return frozenset(_parse("prices.json", (resources.files("compare.cost") / "prices.json").read_text())) - _BARE


def _read(path: Path) -> dict[str, Any]:
    text = files.read(path, most_kib=_MOST_KIB, what="not a price file")
    try:
        return _parse(str(path), text.decode())
    except UnicodeDecodeError as error:
        raise CompareError(f"{path}: not UTF-8 at byte {error.start}") from error


def _parse(place: str, text: str) -> dict[str, Any]:
    def fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
            raise CompareError(f"{place}: {twice!r} is there twice")
        return found

    try:
        given = json.loads(text, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=fields)
    except json.JSONDecodeError as error:
        raise CompareError(f"{place}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise CompareError(f"{place}: nested too deeply") from error
    if not isinstance(given, dict):
        raise CompareError(f"{place}: not an object of rows by key")
    return given


def _row(place: str, key: str, fields: dict[str, Any]) -> Row:
    """Check one row, whole: a figure that cannot be used is named with its place."""
    try:
        row = msgspec.convert(fields, Row)
    except msgspec.ValidationError as error:
        raise CompareError(f"{place}: {_reworded(str(error))}") from error
    extra = next((name for name in ("tiers", "per", "free") if name in fields), None)
    if extra is not None and key not in _price_keys():
        raise CompareError(f"{place}: {extra} belongs to a price; this row takes value, low and high")
    if (row.value is None) == (not row.tiers):
        raise CompareError(f"{place}: it needs either value or tiers")
    if row.tiers and (row.low is not None or row.high is not None):
        raise CompareError(f"{place}: low and high go with value, not with tiers")
    divisor = key in _DIVISORS or key.startswith("quota.")
    for name, figure in _figures(row):
        _check(f"{place}: {name}", figure, divides=name == "per" or (divisor and name != "free"))
    ends = [tier.up_to for tier in row.tiers]
    if ends and ends[-1] is not None:
        raise CompareError(f"{place}: the last of the tiers has no upTo: it has no end")
    if any(end is None for end in ends[:-1]):
        raise CompareError(f"{place}: only the last of the tiers may lack upTo")
    if any(end <= start for start, end in _steps(ends)):
        raise CompareError(f"{place}: the tiers are not in order of upTo")
    return row


def _figures(row: Row) -> list[tuple[str, Decimal]]:
    named = [("value", row.value), ("low", row.low), ("high", row.high), ("per", row.per), ("free", row.free)]
    for number, tier in enumerate(row.tiers, 1):
        named += [(f"tier {number}: value", tier.value), (f"tier {number}: upTo", tier.up_to)]
    return [(name, figure) for name, figure in named if figure is not None]


def _steps(ends: list[Decimal | None]) -> list[tuple[Decimal, Decimal]]:
    bounded = [end for end in ends if end is not None]
    return list(zip([Decimal(0), *bounded], bounded, strict=False))


def _check(place: str, figure: Decimal, *, divides: bool) -> None:
    shown = f"{figure:.6g}"
    if not figure.is_finite():
        raise CompareError(f"{place}: {shown} is not a number to reckon with")
    if figure > _LARGEST_FIGURE:
        raise CompareError(f"{place}: {shown} is more than {_LARGEST_FIGURE:.0e}")
    if figure < 0:
        raise CompareError(f"{place}: {shown} is negative")
    if divides and figure < _SMALLEST_DIVISOR:
        raise CompareError(f"{place}: {shown} is too small: something is divided by it")


def _reworded(message: str) -> str:
    """msgspec's complaint, with the place in front of it and in the words of a price file."""
    what, _, where = message.partition(" - at `$")
    what = what.replace("`", "").replace("decimal | null", "decimal").replace("Expected decimal", "expected a number")
    what = what[0].lower() + what[1:]
    return f"{where.strip('`').lstrip('.')}: {what}" if where else what


def _nearest(key: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else "; compare/cost has them, in prices.json and inputs.json"
