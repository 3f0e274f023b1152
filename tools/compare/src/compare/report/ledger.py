"""The figures of a report, and the sentences that are made of them: no sentence has a number of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from compare.cost.bill import Amount
from compare.cost.money import span
from compare.numbers import number, ranged

Basis = Literal["measured", "modelled", "assumed"]
Sentence = dict[str, Any]

#: The unit of money; all else is printed as a plain number, and its unit stands in the sentence.
DOLLARS = "$ a month"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the report. Without a range, `low` and `high` are None."""

    value: float
    unit: str
    basis: Basis
    low: float | None = None
    high: float | None = None
    source: str = ""

    @property
    def shown(self) -> str:
        """As sentences print it: `3,400 (1,200-9,000)`; money as the range alone, `$310-420`."""
        return shown(self.document())

    def document(self) -> dict[str, Any]:
        """As JSON."""
        found: dict[str, Any] = {"value": self.value, "unit": self.unit, "basis": self.basis}
        optional = {"low": self.low, "high": self.high, "source": self.source or None}
        return found | {name: value for name, value in optional.items() if value is not None}


class Ledger:
    """Every figure by its key."""

    def __init__(self) -> None:
        self._figures: dict[str, Figure] = {}

    def enter(self, key: str, figure: Figure) -> str:
        """Add a figure; gives its key. One that is there already has to be the same."""
        assert self._figures.setdefault(key, figure) == figure, key  # noqa: S101 - two numbers cannot have one name
        return key

    def __contains__(self, key: str) -> bool:
        return key in self._figures

    def __getitem__(self, key: str) -> Figure:
        return self._figures[key]

    def say(self, template: str, *keys: str) -> Sentence:
        """A sentence whose every `{}` is a figure. Digits outside them are refused: they would have no key."""
        assert not re.search(r"\d", template), template  # noqa: S101
        count = iter(range(len(keys)))
        text = re.sub(r"\{\}", lambda _: f"{{{next(count)}}}", template)
        assert next(count, None) is None, template  # noqa: S101
        return {"text": text, "figures": list(keys), "formatted": [self._figures[key].shown for key in keys]}

    def document(self) -> dict[str, dict[str, Any]]:
        """All of them as JSON."""
        return {key: figure.document() for key, figure in self._figures.items()}


def dollars(amount: Amount, source: str = "") -> Figure:
    """An amount of a bill."""
    ends = float(amount.least), float(amount.greatest)
    return Figure(float(amount.value), DOLLARS, "modelled", *ends, source=source)


def shown(figure: Mapping[str, Any]) -> str:
    """A figure of the document as its sentences print it."""
    value, low, high = (figure.get(name, figure["value"]) for name in ("value", "low", "high"))
    if figure["unit"] == DOLLARS:
        return "$" + span(Amount({"low": Decimal(str(low)), "value": Decimal(str(value)), "high": Decimal(str(high))}))
    return ranged(number(value), number(low), number(high))


def text(sentence: Mapping[str, Any]) -> str:
    """A sentence with its numbers in place."""
    return str(sentence["text"]).format(*sentence["formatted"])
