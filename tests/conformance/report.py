"""`python -m tests.conformance.report`: which test shows which row of what is known of API Gateway."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from tests.conformance.cases import CASES
from tests.conformance.facts import FACTS, Fact

_WIDTH = 100
_MARKS = {"documented": " ", "observed": "o", "inferred": "i", "unconfirmed": "?"}


def shown(fact: Fact) -> list[str]:
    """The tests that show a row: cases by their names, then tests elsewhere, with their files below tests/."""
    return [case.id for case in CASES if fact.id in case.facts] + [test.replace("::", " ") for test in fact.tests]


def lines() -> Iterator[str]:
    """The report."""
    yield "Rows of what is known of API Gateway (o observed, i inferred, ? unconfirmed), and the tests that show them"
    for fact in FACTS:
        tests = shown(fact)
        how = ", ".join(tests) if tests else f"not run: {fact.note}"
        setting = f" [setting {fact.setting}]" if fact.setting else ""
        yield from wrap(
            f"{_MARKS[fact.confidence]} {fact.id:<20} {how}{setting}",
            _WIDTH,
            subsequent_indent=" " * 23,
            break_on_hyphens=False,
            break_long_words=False,
        )
    confirmed = [fact for fact in FACTS if fact.confidence != "unconfirmed"]
    tested = sum(bool(shown(fact)) for fact in confirmed)
    cased = sum(any(fact.id in case.facts for case in CASES) for fact in confirmed)
    yield from wrap(
        f"{len(FACTS)} rows. Of {len(confirmed)} that are confirmed, {cased} are shown by cases, "
        f"{tested - cased} by other tests, {len(confirmed) - tested} have nothing to run. "
        f"{len(FACTS) - len(confirmed)} are unconfirmed, and settings. {len(CASES)} cases.",
        _WIDTH,
    )


if __name__ == "__main__":
    print("\n".join(lines()))  # noqa: T201
