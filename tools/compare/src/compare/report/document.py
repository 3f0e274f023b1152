"""The whole report as one document; docs/compare.md says what each key means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from compare.cost.map import GRID, break_even_map
from compare.cost.measured_inputs import REPORT, rows_of
from compare.cost.rows import Row, Rows
from compare.report import run_figures
from compare.report.costs import Costs
from compare.report.ledger import Ledger
from compare.report.load_sizes import LoadSizes
from compare.report.rush import Trace, rush
from compare.report.verdict import verdict

_NUMBERS = {"value", "low", "high", "was"}


def from_runs(
    runs: Sequence[Mapping[str, Any]], sizes: LoadSizes, prices: Path | None = None, *, complete: bool = True
) -> dict[str, Any]:
    """The document, with what the runs measured in the models, and the reader's own rows over that."""
    rows, taken = rows_of(runs, prices)
    plain = [
        {name: float(value) if name in _NUMBERS else value for name, value in one.document().items()}
        for one in taken
        if one.key not in rows.changed
    ]
    return document(runs, sizes, rows, inputs=plain, complete=complete)


def document(
    runs: Sequence[Mapping[str, Any]],
    sizes: LoadSizes,
    rows: Rows,
    *,
    inputs: Sequence[Mapping[str, Any]] = (),
    trace: Trace | None = None,
    generated: datetime | None = None,
    complete: bool = True,
    grid: tuple[int, int] = GRID,
) -> dict[str, Any]:
    """Everything there is to say.

    `runs` are documents of `compare run`, the first of them the main one; there may be none. `rows` are those of
    the models, with what `inputs` says was measured already in them. `complete` says whether all runs that were wanted
    are there, `grid` how fine the map is. The same arguments give the same document. Raises CompareError when the
    rows contradict each other.
    """
    ledger = Ledger()
    costs = Costs(sizes, rows)
    rushed = rush(sizes.workload, rows, trace or Trace())
    run_figures.enter(ledger, runs)
    broken = run_figures.faults(runs)
    names = run_figures.variants(runs)
    words = verdict(ledger, costs, rushed, names, broken)
    return {
        "format": REPORT,
        "complete": complete and all(run["complete"] for run in runs),
        "generated": (generated or datetime.now(UTC)).isoformat(timespec="seconds"),
        "asked": sizes.document({key: _row(rows.by_key[key]) for key in sorted(rows.changed)}),
        "figures": ledger.document(),
        "verdict": words,
        "variants": names,
        "load": dict(runs[0]) if runs else None,
        "more": [dict(run) for run in runs[1:]],
        "faults": broken,
        "inputs": [dict(one) for one in inputs],
        "cost": costs.document() | {"map": msgspec.to_builtins(break_even_map(sizes.workload, rows, grid))},
        "scaling": rushed.document(),
        "conditions": dict(runs[0]["conditions"]) if runs else {},
    }


def _row(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {"unit": row.unit, "per": float(row.per)}
    if row.tiers:
        ends = [None if tier.up_to is None else float(tier.up_to) for tier in row.tiers]
        tiers = [{"value": float(tier.value), "upTo": end} for tier, end in zip(row.tiers, ends, strict=True)]
        return found | {"tiers": tiers}
    return found | {
        "value": float(row.in_case("value")),
        "low": float(row.in_case("low")),
        "high": float(row.in_case("high")),
    }
