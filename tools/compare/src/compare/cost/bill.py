"""What each variant costs a month: three bills, and the range that they span."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final

from compare.cost.lines import LINES, MODELS, Lines
from compare.cost.quantities import Quantities
from compare.cost.rows import CASES, Case, Rates, Rows
from compare.cost.workload import Workload
from compare.variants import VARIANTS

ARITHMETIC: Final = Context(prec=28)  # docs/cost-model.md, "Arithmetic"
_CENT = Decimal("0.01")
_WIDE = Context(prec=100)  # no amount is too great to be rounded to the cent


@dataclass(frozen=True, slots=True)
class Amount:
    """Dollars a month in each of the three bills. Which of them is the least is not said by their names."""

    cases: Mapping[Case, Decimal]

    @property
    def value(self) -> Decimal:
        return self.cases["value"]

    @property
    def least(self) -> Decimal:
        return min(self.cases.values())

    @property
    def greatest(self) -> Decimal:
        return max(self.cases.values())


@dataclass(frozen=True, slots=True)
class Bill:
    """One variant's month, to the cent."""

    variant: str
    lines: Mapping[str, Amount]
    month: Quantities  # in the `value` bill

    @property
    def total(self) -> Amount:
        return Amount({case: sum((line.cases[case] for line in self.lines.values()), Decimal(0)) for case in CASES})

    @property
    def dominant(self) -> str:
        """The line that costs most."""
        return largest({name: line.value for name, line in self.lines.items()})


def bills(workload: Workload, rows: Rows) -> dict[str, Bill]:
    """The bill of each variant, by its name. Raises CompareError when the rows contradict each other."""
    with localcontext(ARITHMETIC):
        rates = rows.in_cases(free_tier=workload.free_tier)
        return {name: _bill(name, workload, rates) for name in VARIANTS}


def unrounded(variant: str, workload: Workload, rates: Rates) -> Lines:
    """The lines of one variant in one bill, in dollars, as break-even searches compare them."""
    model = MODELS[variant]
    return model.lines(workload, model.quantities(workload, rates), rates)


def largest(lines: Lines) -> str:
    return max(lines, key=lambda name: lines[name])


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP, context=_WIDE)


def _bill(name: str, workload: Workload, rates: Mapping[Case, Rates]) -> Bill:
    model = MODELS[name]
    months = {case: model.quantities(workload, rates[case]) for case in CASES}
    lines = {case: model.lines(workload, months[case], rates[case]) for case in CASES}
    amounts = {
        line: Amount({case: cents(lines[case][line]) for case in CASES}) for line in LINES if line in lines["value"]
    }
    return Bill(name, amounts, months["value"])
