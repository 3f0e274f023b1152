"""docs/cost-model.md as the tests read it: the twelve workloads, their bills, and the rough break-evens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from compare.cost import rows, workload
from compare.cost.rows import Rows
from compare.cost.workload import Workload

from ..clone import ROOT

PAGE = ROOT / "docs" / "cost-model.md"


@dataclass
class Case:
    """One of the twelve: its row in the table of workloads, and its bill."""

    number: int
    arguments: list[str]
    overrides: dict[str, Any]
    lines: dict[str, dict[str, Decimal]] = field(default_factory=dict)  # by variant
    totals: dict[str, dict[str, Decimal]] = field(default_factory=dict)  # by total, low, high; then by variant
    verdict: tuple[str, str, str] = ("", "", "")
    exceeded: dict[tuple[str, str], Decimal] = field(default_factory=dict)  # factors by variant and quota

    @property
    def workload(self) -> Workload:
        options = dict(zip(self.arguments[::2], self.arguments[1::2], strict=True))
        return workload.read(
            options["--connections"],
            options["--messages-per-minute"],
            message_bytes=options.get("--message-bytes", "256"),
            deliveries=options.get("--deliveries", "1"),
            minutes=options.get("--connection-minutes", "60"),
            tls=options.get("--tls", "balancer"),
            free_tier="--free-tier" in options,
        )

    def figures(self, folder: Path) -> Rows:
        return prices(folder, self.overrides) if self.overrides else rows.shipped()


def prices(folder: Path, replacing: object) -> Rows:
    """The shipped figures with these rows, through a file as a user has it."""
    path = folder / "prices.json"
    path.write_text(json.dumps(replacing))
    return rows.overridden(path)


@cache
def cases() -> list[Case]:
    text = PAGE.read_text(encoding="utf-8")
    listed = text[text.index("## Twelve workloads") : text.index("### How to read")]
    found = [_case(cells) for cells in _rows(listed) if cells[0].isdigit()]
    for case in found:
        _fill(case, text.split(f"\n### Workload {case.number}\n")[1].split("\n### ")[0].split("\n## ")[0])
    return found


@cache
def rough_break_evens() -> list[tuple[str, tuple[str, str], int | None]]:
    """Message rate, pair, connections."""
    text = PAGE.read_text(encoding="utf-8")
    rows = list(_rows(text[text.index("Rough positions") : text.index("`lambda` is cheapest to the left")]))
    pairs = [tuple(re.findall(r"`(\w+)`", heading)) for heading in rows[0][1:]]
    return [
        (cells[0], (pair[0], pair[1]), None if cell == "none" else int(cell.replace(",", "")))
        for cells in rows[2:]
        for pair, cell in zip(pairs, cells[1:], strict=True)
    ]


def lines_of_the_table() -> list[tuple[str, str]]:
    """The lines that the model lists, with the variants that have them."""
    text = PAGE.read_text(encoding="utf-8")
    rows = list(_rows(text[text.index("## Lines") : text.index("Units of the balancer, the")]))
    return [(cells[0].strip("`"), cells[1]) for cells in rows[2:]]


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _case(cells: list[str]) -> Case:
    number, connections, rate, others, _ = cells
    arguments = ["--connections", connections.replace(",", ""), "--messages-per-minute", rate]
    for flags in re.findall(r"`(--[^`]+)`", others):
        for flag, value in re.findall(r"(--[\w-]+)(?: (?!--)(\S+))?", flags):
            arguments += [flag, value]
    overrides = dict(re.findall(r"`([\w.]+)` ([\d.]+)", others))
    return Case(int(number), arguments, {key: {"value": float(value)} for key, value in overrides.items()})


def _fill(case: Case, text: str) -> None:
    header, _, *rows = _rows(text)
    variants = header[1:]
    case.lines = {variant: {} for variant in variants}
    for name, *amounts in rows:
        given = {variant: Decimal(cell) for variant, cell in zip(variants, amounts, strict=True) if cell != "–"}
        if name in {"total", "low", "high"}:
            case.totals[name] = given
        else:
            for variant, amount in given.items():
                case.lines[variant][name.strip("`")] = amount
    told = re.search(r"Verdict: `(\w+)` ([\w ]+) before `(\w+)`\. Quotas exceeded: (.+)\.\n", text)
    assert told is not None, f"workload {case.number} has no verdict"
    case.verdict = told[1], told[2], told[3]
    for quota, factor, names in re.findall(r"`(quota\.\w+)` ([\d.]+) \(([^)]+)\)", told[4]):
        for variant in re.findall(r"`(\w+)`", names):
            case.exceeded[variant, quota] = Decimal(factor)
    assert case.exceeded or told[4] == "none"
