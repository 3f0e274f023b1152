"""The table is whole: every row is shown by tests that exist, and every case shows a row."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from localcloud.gateway.settings import Settings

from . import targets
from .cases import CASES
from .facts import FACTS, Fact
from .mutations import MUTATIONS, SOURCE
from .patterns import ANY, Json, Keep, Number, Other, Some, Text, difference
from .report import cases, lines, shown

TESTS = Path(__file__).parents[1]
DIFFERENCES = Path(__file__).parents[4] / "docs" / "differences.md"


def test_ids_are_unique() -> None:
    ids = Counter([*(fact.id for fact in FACTS), *(f"case {case.id}" for case in CASES)])
    assert [name for name, count in ids.items() if count > 1] == []


def test_every_case_shows_rows_that_are_there_on_an_api_that_is_there() -> None:
    known = {fact.id for fact in FACTS}
    for case in CASES:
        assert case.facts, case.id
        assert set(case.facts) <= known, case.id
        assert targets.run_of(case.api), case.id


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.id)
def test_every_row_is_shown_or_says_why_not(fact: Fact) -> None:
    assert bool(shown(fact)) is not bool(fact.differs)
    assert cases(fact) or fact.differs or fact.confidence == "unconfirmed"
    assert bool(fact.setting) is (fact.confidence == "unconfirmed")
    assert not fact.setting or fact.setting in {field.name for field in fields(Settings)}
    for test in fact.tests:
        file, _, name = test.partition("::")
        functions = [
            node.name for node in ast.walk(ast.parse((TESTS / file).read_text())) if isinstance(node, ast.FunctionDef)
        ]
        assert name in functions, test


def test_few_rows_differ_and_none_of_what_clients_and_backends_see_most() -> None:
    differing = [fact for fact in FACTS if fact.differs]
    assert len(differing) <= 5
    assert {fact.id.partition(".")[0] for fact in differing}.isdisjoint({"2", "4", "6", "8", "12"})
    documented = DIFFERENCES.read_text()
    assert [fact.id for fact in differing if f"\n| {fact.differs} | " not in documented] == []


def test_every_api_is_in_one_run_and_every_run_has_a_case() -> None:
    apis = Counter(api for run in targets.RUNS for api in run.apis)
    assert set(apis.values()) == {1}
    assert {case.api for case in CASES} == set(apis)


def test_every_mutation_breaks_one_place_for_a_case_of_its_row() -> None:
    rows = {case.id: case.facts for case in CASES}
    for mutation in MUTATIONS:
        assert mutation.fact in rows[mutation.case], mutation
        assert (SOURCE / mutation.file).read_text().count(mutation.old) == 1, mutation
    assert len({mutation.fact for mutation in MUTATIONS}) >= 20


def test_the_report_has_every_row() -> None:
    text = "\n".join(lines())
    assert all(f" {fact.id} " in text for fact in FACTS)


@pytest.mark.parametrize(
    ("pattern", "value", "problem"),
    [
        ("a <id>", "a 5", None),
        ("a <id>", "a 6", "it is 'a 6', not 'a 5'"),
        ({"a": 1}, {"a": 1}, None),
        ({"a": 1}, {"a": 1, "b": 2}, "it has the keys ['a', 'b'], not ['a']"),
        ({"a": [1, Text("x+")]}, {"a": [1, "xy"]}, "it.a.1 is 'xy', not a text like x+"),
        ({"a": 1}, {"a": True}, "it.a is True, not 1"),
        ([1], [1, 2], "it is [1, 2], not [1]"),
        (Some({"a": 1}), {"a": 1, "b": 2}, None),
        (Some({"a": 1}), {"b": 2}, "it has no 'a', only ['b']"),
        (Some({}), "text", "it is 'text', not an object"),
        (Json({"a": ANY}), '{"a": null}', None),
        (Json({"a": ANY}), "{", "it is '{', which is not JSON"),
        (Json(5), 5, "it is 5, which is not JSON"),
        (Number(5), 5, None),
        (Number(5), 4, "it is 4, not a whole number of at least 5"),
        (Number(5), 5.5, "it is 5.5, not a whole number of at least 5"),
        (Other("id"), "6", None),
        (Other("id"), "5", "it is '5' again"),
        (Keep("new", Text("x")), "y", "it is 'y', not a text like x"),
    ],
)
def test_patterns_say_what_is_wrong(pattern: object, value: object, problem: str | None) -> None:
    assert difference(pattern, value, {"id": "5"}) == problem


def test_what_is_kept_is_there_for_later_patterns() -> None:
    names: dict[str, str] = {}
    assert difference([Keep("a", Text(".")), "<a>"], ["x", "x"], names) is None
    assert names == {"a": "x"}
