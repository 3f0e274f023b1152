"""The whole report as one document; docs/compare.md says what each key means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from compare.cost.figures import Figures, Row
from compare.cost.map import COLUMNS, ROWS, chart
from compare.report import maps, measured
from compare.report.asked import Asked
from compare.report.costs import Costs
from compare.report.ledger import Ledger
from compare.report.rush import Trace, rush
from compare.report.verdict import verdict

FORMAT = "duplex-report/1"


def document(
    runs: Sequence[Mapping[str, Any]],
    asked: Asked,
    figures: Figures,
    *,
    inputs: Sequence[Mapping[str, Any]] = (),
    trace: Trace | None = None,
    generated: datetime | None = None,
    complete: bool = True,
    grid: tuple[int, int] = (COLUMNS, ROWS),
) -> dict[str, Any]:
    """Everything there is to say.

    `runs` are documents of `compare run`, the first of them the main one; there may be none. `figures` are the rows of
    the models, with what `inputs` says was measured already in them. `complete` says whether all runs that were wanted
    are there, `grid` how fine the map is. The same arguments give the same document. Raises CompareError when the
    figures contradict each other.
    """
    ledger = Ledger()
    costs = Costs(asked, figures)
    rushed = rush(asked.workload, figures, trace or Trace())
    measured.enter(ledger, runs)
    broken = measured.faults(runs)
    names = measured.variants(runs)
    words = verdict(ledger, costs, rushed, names, broken)
    columns, rows = grid
    return {
        "format": FORMAT,
        "complete": complete and all(run["complete"] for run in runs),
        "generated": (generated or datetime.now(UTC)).isoformat(timespec="seconds"),
        "asked": asked.document({key: _row(figures.rows[key]) for key in sorted(figures.changed)}),
        "figures": ledger.document(),
        "verdict": words,
        "variants": names,
        "load": dict(runs[0]) if runs else None,
        "more": [dict(run) for run in runs[1:]],
        "faults": broken,
        "inputs": [dict(one) for one in inputs],
        "cost": costs.document() | {"map": maps.encoded(chart(asked.workload, figures, columns=columns, rows=rows))},
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
        "value": float(row.figure("value")),
        "low": float(row.figure("low")),
        "high": float(row.figure("high")),
    }
