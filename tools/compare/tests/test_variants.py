"""The one list of variants, and what is kept under the same names."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from compare.cost import rows, table
from compare.cost.comparison import compare
from compare.cost.lines import MODELS
from compare.cost.workload import Workload
from compare.pages.palette import LIGHT, NEUTRAL, colours
from compare.report.document import document
from compare.report.ledger import text
from compare.report.load_sizes import load_sizes
from compare.report.page import page
from compare.report.rush import AUTOSCALERS
from compare.variants import VARIANTS


def test_every_variant_has_a_bill_and_an_autoscaler() -> None:
    assert list(MODELS) == list(VARIANTS)
    assert list(AUTOSCALERS) == [*VARIANTS, "cpu"]


def test_no_two_variants_have_the_same_colour() -> None:
    found = [variant.colour for variant in VARIANTS.values()]
    assert len({*found, NEUTRAL}) == len(found) + 1
    assert max(found) < len(LIGHT)
    assert len({variant.terminal for variant in VARIANTS.values()}) == len(found)


@pytest.fixture
def fargate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth variant: sockets on tasks."""
    variant = replace(VARIANTS["sockets"], colour=6, terminal="red", operated="tasks alone", units="tasks")
    monkeypatch.setitem(VARIANTS, "fargate", variant)
    monkeypatch.setitem(MODELS, "fargate", MODELS["sockets"])
    monkeypatch.setitem(AUTOSCALERS, "fargate", AUTOSCALERS["sockets"])


@pytest.mark.usefixtures("fargate")
def test_a_further_variant_needs_nothing_but_its_models() -> None:
    comparison = compare(Workload(Decimal(2600), Decimal(1)), rows.shipped())
    assert comparison.bills["fargate"].total == comparison.bills["sockets"].total
    printed = io.StringIO()
    table.show(comparison, Console(file=printed, width=120))
    assert "fargate" in printed.getvalue()
    assert colours(["mine", "fargate"]) == {"mine": 5, "fargate": 6}
    found = document([], load_sizes(), rows.shipped(), grid=(5, 3))
    assert [run["name"] for run in found["scaling"]["runs"]] == ["lambda", "eks", "sockets", "ecs", "fargate", "cpu"]
    said = [text(sentence) for point in found["verdict"]["points"] for sentence in point["sentences"]]
    assert any(sentence.startswith("With fargate: tasks alone; 3 tasks for 1,000 connections") for sentence in said)
    assert any(sentence.startswith("With sockets and fargate your pods hold") for sentence in said)
    assert "fargate" in page(found)
