"""`python -m tools.localcloud.tests.conformance.report`: which test shows which row of what is known of API Gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from .cases import CASES
from .facts import FACTS, Fact

_WIDTH = 100
_MARKS = {"documented": " ", "observed": "o", "inferred": "i", "unconfirmed": "?"}


def cases(fact: Fact) -> list[str]:
    """The cases that show a row, by their names."""
    return [case.id for case in CASES if fact.id in case.facts]


def shown(fact: Fact) -> list[str]:
    """The tests that show a row: cases, then tests elsewhere, with their files below tests/."""
    return cases(fact) + [test.replace("::", " ") for test in fact.tests]


def lines() -> Iterator[str]:
    """The report."""
    yield "Rows of what is known of API Gateway (o observed, i inferred, ? unconfirmed), and the tests that show them"
    for fact in FACTS:
        tests = shown(fact)
        how = ", ".join(tests) if tests else f"differs here: docs/differences.md, {fact.differs}"
        setting = f" [setting {fact.setting}]" if fact.setting else ""
        yield from _row(f"{_MARKS[fact.confidence]} {fact.id:<20}", how + setting)
    yield "\nWhat cases need of AWS beyond the URLs of APIs"
    for need in dict.fromkeys(case.needs for case in CASES if case.needs):
        yield from _row(f"  {', '.join(case.id for case in CASES if case.needs == need)}:", need)
    yield "\n" + "\n".join(wrap(_sum(FACTS), _WIDTH))


def _row(name: str, text: str) -> list[str]:
    return wrap(f"{name} {text}", _WIDTH, subsequent_indent=" " * 23, break_on_hyphens=False, break_long_words=False)


def _sum(facts: Sequence[Fact]) -> str:
    confirmed = [fact for fact in facts if fact.confidence != "unconfirmed"]
    cased = sum(bool(cases(fact)) for fact in confirmed)
    differing = sum(bool(fact.differs) for fact in confirmed)
    return (
        f"{len(facts)} rows. Of {len(confirmed)} that are confirmed, {cased} are shown by cases and {differing} are "
        f"rows of docs/differences.md. {len(facts) - len(confirmed)} are unconfirmed, and settings. {len(CASES)} cases."
    )


if __name__ == "__main__":
    print("\n".join(lines()))  # noqa: T201
