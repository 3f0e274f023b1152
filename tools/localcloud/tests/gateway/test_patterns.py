from __future__ import annotations

import time

import pytest

from localcloud.gateway.patterns import Pattern, PatternError


def test_a_pattern_is_searched_matched_and_replaced() -> None:
    pattern = Pattern(r"[0-9]+")
    assert pattern.search("a1b")
    assert not pattern.fullmatch("a1b")
    assert pattern.fullmatch("123")
    assert pattern.replace("a1b22", lambda match: f"<{match[0]}>") == "a<1>b<22>"
    assert pattern.replace("a1b22", lambda _: "", count=1) == "ab22"
    assert pattern.spans("a1b22") == [(1, 2), (3, 5)]


def test_a_pattern_that_would_run_for_ever_is_stopped() -> None:
    began = time.process_time()
    with pytest.raises(PatternError, match="took longer"):
        Pattern(r"(a|aa)+$").search("a" * 60_000 + "b")
    assert time.process_time() - began < 5  # without the deadline: longer than the universe has had


@pytest.mark.parametrize("source", ["(", "[a", "a" * 3000, "(?P<x>a)(?P<x", "(" * 1500])
def test_what_is_no_pattern_is_refused(source: str) -> None:
    with pytest.raises(PatternError, match="regular expression"):
        Pattern(source)


def test_javas_own_syntax_is_understood() -> None:
    assert Pattern(r"\p{L}++").fullmatch("čaj")
    assert Pattern(r"(?<year>\d{4})").search("in 2026")
