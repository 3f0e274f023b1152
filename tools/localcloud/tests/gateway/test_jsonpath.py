from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.gateway.jsonpath import MISSING, PathError, parse, rooted

DOCUMENT = {"a": {"b": [1, {"c": "x"}, None]}, "b c": 2, "it's": 3, "deep": [{"b": {"b": 4}}]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", DOCUMENT),
        ("$.a.b[0]", 1),
        ("$.a.b[-1]", None),
        ("$['a']['b'][1].c", "x"),
        ("$['b c']", 2),
        ('$["it\'s"]', 3),
        ("$.a.b[1]['c']", "x"),
        ("$.a.b[3]", MISSING),
        ("$.a.b.c", MISSING),
        ("$.a[0]", MISSING),
        ("$.nope.deeper", MISSING),
        ("$.a.b[*].c", ["x"]),
        ("$.a.*", [[1, {"c": "x"}, None]]),
        ("$.nope[*]", []),
        ("$..b", [[1, {"c": "x"}, None], {"b": 4}, 4]),
        ("$..b[0]", [1]),
        ("$..c", ["x"]),
    ],
)
def test_a_path_leads_to_its_value(path: str, expected: object) -> None:
    assert rooted(path).find(DOCUMENT) == expected


@pytest.mark.parametrize("path", ["$.a[?(@.b)]", "$.a[0:2]", "$.a.length()", "$.", "$[", "$.a b", "$...a", "$['a'"])
def test_what_is_not_supported_is_refused_when_the_path_is_read(path: str) -> None:
    with pytest.raises(PathError, match="is not supported; use"):
        rooted(path)


def test_a_path_begins_with_the_document_and_has_an_end() -> None:
    with pytest.raises(PathError, match=r"does not begin with \$"):
        rooted("a.b")
    with pytest.raises(PathError, match="too long"):
        parse(".a" * 501)


def test_a_deep_document_is_searched_to_its_end() -> None:
    document: object = {"x": 1}
    for _ in range(50_000):
        document = [document]
    assert rooted("$..x").find(document) == [1]


def test_a_search_that_looks_at_too_much_finds_nothing() -> None:
    document: object = {}
    for _ in range(600):
        document = {"a": document}
    began = time.process_time()
    assert parse("..a" * 8).find(document) is MISSING
    assert time.process_time() - began < 5  # there are more than 10 ** 17 ways
    assert rooted("$[*]").find([1] * 60_000) == [1] * 60_000


@given(st.text(max_size=30), st.sampled_from([DOCUMENT, [], "text", None]))
def test_any_path_finds_something_or_is_refused(text: str, document: object) -> None:
    try:
        path = parse(text)
    except PathError:
        return
    path.find(document)
