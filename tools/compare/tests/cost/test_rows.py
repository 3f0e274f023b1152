"""The user's price file: what it replaces, and every way that it can be wrong."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from compare.cost import rows
from compare.cost.bill import bills
from compare.cost.workload import Workload
from compare.errors import CompareError

from .model import prices


def refused(path: Path, text: str) -> str:
    """The one line about a file that cannot be used, without its name."""
    path.write_text(text)
    with pytest.raises(CompareError) as caught:
        rows.overridden(path)
    line = str(caught.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    return line.removeprefix(str(path)).lstrip(": ")


def test_every_shipped_row_says_its_unit_source_date_and_confidence() -> None:
    for key, row in rows.shipped().by_key.items():
        assert all((row.unit, row.source)), key
        assert date.fromisoformat(row.as_of), key


def test_a_value_drops_the_old_range_and_keeps_the_other_fields(tmp_path: Path) -> None:
    shipped = rows.shipped().by_key["eks.auto_mode"]
    row = prices(tmp_path, {"eks.auto_mode": {"value": 0.05}}).by_key["eks.auto_mode"]
    assert (row.in_case("low"), row.in_case("value"), row.in_case("high")) == (Decimal("0.05"),) * 3
    assert (row.unit, row.source, row.as_of) == (shipped.unit, shipped.source, shipped.as_of)


def test_a_value_takes_the_place_of_tiers_and_keeps_what_it_is_for(tmp_path: Path) -> None:
    rates = prices(tmp_path, {"api.message": {"value": 2}}).in_case("value", free_tier=False)
    assert rates.cost("api.message", Decimal(3_000_000_000)) == 6000


def test_tiers_take_the_place_of_a_value(tmp_path: Path) -> None:
    tiers = [{"upTo": 10, "value": 1}, {"value": 0.5}]
    rates = prices(tmp_path, {"nat.gb": {"tiers": tiers}}).in_case("high", free_tier=False)
    assert rates.cost("nat.gb", Decimal(10)) == 10
    assert rates.cost("nat.gb", Decimal(14)) == 12


def test_low_and_high_make_the_outer_bills(tmp_path: Path) -> None:
    changed = prices(tmp_path, {"nat.gb": {"value": 2, "low": 1, "high": 4}})
    amounts = [changed.in_case(case, free_tier=False).cost("nat.gb", Decimal(3)) for case in rows.CASES]
    assert amounts == [3, 6, 12]


def test_free_units_are_taken_from_the_first_tier(tmp_path: Path) -> None:
    row = {"tiers": [{"upTo": 10, "value": 1}, {"value": 0.5}], "free": 4}
    changed = prices(tmp_path, {"nat.gb": row})
    assert changed.in_case("value", free_tier=True).cost("nat.gb", Decimal(3)) == 0
    assert changed.in_case("value", free_tier=True).cost("nat.gb", Decimal(12)) == 7
    assert changed.in_case("value", free_tier=False).cost("nat.gb", Decimal(12)) == 11


def test_the_rows_that_changed_are_known(tmp_path: Path) -> None:
    assert prices(tmp_path, {"nat.gb": {"value": 1}}).changed == {"nat.gb"}
    assert rows.shipped().changed == frozenset()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "1:2: not JSON: Expecting property name enclosed in double quotes"),
        ('{"nat.gb": {"value": 1},\n}', "2:1: not JSON: Expecting property name enclosed in double quotes"),
        ("[]", "not an object of rows by key"),
        ("[" * 100_000, "nested too deeply"),
        ('{"nat.gb": {"value": 1}, "nat.gb": {"value": 2}}', "'nat.gb' is there twice"),
        ('{"nat.gb": {"value": 1, "value": 2}}', "'value' is there twice"),
        ('{"api.mesage": {"value": 1}}', "there is no row 'api.mesage'; did you mean 'api.message'?"),
        ('{"zzz": {"value": 1}}', "there is no row 'zzz'; compare/cost has them, in prices.json and inputs.json"),
        ('{"nat.gb": 1}', 'nat.gb: a row is an object such as {"value": 1.5}'),
    ],
)
def test_a_file_that_is_no_price_file_is_one_clear_line(tmp_path: Path, text: str, complaint: str) -> None:
    assert refused(tmp_path / "p.json", text) == complaint


@pytest.mark.parametrize(
    ("key", "row", "complaint"),
    [
        ("nat.gb", {}, "it has neither value nor tiers"),
        ("nat.gb", {"low": 1}, "it has neither value nor tiers"),
        ("nat.gb", {"value": None}, "it needs either value or tiers"),
        ("nat.gb", {"value": -1}, "value: -1 is negative"),
        ("nat.gb", {"value": 1, "low": -0.5}, "low: -0.5 is negative"),
        ("nat.gb", {"value": "dear"}, "value: invalid decimal string"),
        ("nat.gb", {"value": [1]}, "value: expected a number, got array"),
        ("nat.gb", {"value": "NaN"}, "value: NaN is not a number to reckon with"),
        ("nat.gb", {"value": 1e16}, "value: 1e+16 is more than 1e+15"),
        ("nat.gb", {"valeu": 1}, "it has neither value nor tiers"),
        ("nat.gb", {"value": 1, "hihg": 2}, "object contains unknown field hihg"),
        ("nat.gb", {"value": 1, "per": 0}, "per: 0 is too small: something is divided by it"),
        ("nat.gb", {"value": 1, "confidence": "D"}, "confidence: invalid enum value 'D'"),
        ("nat.gb", {"value": 1, "tiers": [{"value": 1}]}, "it needs either value or tiers"),
        ("nat.gb", {"tiers": []}, "it needs either value or tiers"),
        ("nat.gb", {"tiers": [{"value": -1}]}, "tier 1: value: -1 is negative"),
        ("nat.gb", {"tiers": [{"upTo": 1}]}, "tiers[0]: object missing required field value"),
        ("nat.gb", {"tiers": [{"value": 1}], "low": 1}, "low and high go with value, not with tiers"),
        (
            "nat.gb",
            {"tiers": [{"upTo": 9, "value": 1}, {"upTo": 5, "value": 1}, {"value": 1}]},
            "the tiers are not in order of upTo",
        ),
        ("nat.gb", {"tiers": [{"upTo": 0, "value": 1}, {"value": 1}]}, "the tiers are not in order of upTo"),
        ("nat.gb", {"tiers": [{"value": 1}, {"value": 1}]}, "only the last of the tiers may lack upTo"),
        ("nat.gb", {"tiers": [{"upTo": 9, "value": 1}]}, "the last of the tiers has no upTo: it has no end"),
        ("pod.vcpu", {"value": 0}, "value: 0 is too small: something is divided by it"),
        ("pod.utilisation", {"value": 1, "high": 0}, "high: 0 is too small: something is divided by it"),
        ("quota.api_connects", {"value": 0}, "value: 0 is too small: something is divided by it"),
        ("pod.vcpu", {"value": 1, "free": 1}, "free belongs to a price; this row takes value, low and high"),
        ("eks.auto_mode", {"tiers": [{"value": 1}]}, "tiers belongs to a price; this row takes value, low and high"),
    ],
)
def test_a_row_that_cannot_be_used_is_one_clear_line(tmp_path: Path, key: str, row: Any, complaint: str) -> None:
    assert refused(tmp_path / "p.json", json.dumps({key: row})) == f"{key}: {complaint}"


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CompareError, match=r"p\.json: cannot be read: No such file"):
        rows.overridden(tmp_path / "p.json")
    (tmp_path / "p.json").write_bytes(b"\xff")
    with pytest.raises(CompareError, match=r"p\.json: not UTF-8 at byte 0"):
        rows.overridden(tmp_path / "p.json")
    (tmp_path / "p.json").write_text(" " * (2**20 + 1))
    with pytest.raises(CompareError, match=r"p\.json: larger than 1,024 KiB: not a price file"):
        rows.overridden(tmp_path / "p.json")


def test_rows_that_contradict_each_other_are_one_clear_line(tmp_path: Path) -> None:

    workload = Workload(Decimal(1), Decimal(1))
    with pytest.raises(CompareError, match=r"node\.vcpu, node\.gib: a node has no room for one pod"):
        bills(workload, prices(tmp_path, {"pod.vcpu": {"value": 4}}))
    with pytest.raises(CompareError, match=r"sockets\.base_mib: a pod of pod\.gib has no memory left"):
        bills(workload, prices(tmp_path, {"sockets.base_mib": {"value": 1024}}))
