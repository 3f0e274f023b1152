"""The report's data: what is said, and that each number of it is a figure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from compare.cost import rows
from compare.cost.map import BreakEvenMap, break_even_map
from compare.report.document import document
from compare.report.ledger import shown, text
from compare.report.load_sizes import LoadSizes, load_sizes
from compare.report.rush import Trace
from compare.variants import VARIANTS

from .runs import run

WHEN = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
GRID = (5, 3)


def made(load: LoadSizes | None = None, **changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"generated": WHEN, "grid": GRID} | changes
    runs = options.pop("runs", [run("echo"), run("idle"), run("mixed", kill_seconds=2, patience=20)])
    figures = options.pop("figures", rows.shipped())
    return document(runs, load or load_sizes(), figures, **options)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return made()


def sentences(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield found["verdict"]["headline"]
    for point in found["verdict"]["points"]:
        yield from point["sentences"]


@pytest.mark.parametrize("load", [load_sizes(), load_sizes(["3200", "7"], "2.5", deliveries="3")])
def test_every_number_in_a_sentence_is_a_figure(load: LoadSizes) -> None:
    found = made(load)
    assert len(list(sentences(found))) > 15
    for sentence in sentences(found):
        assert re.findall(r"\{(\d+)\}", sentence["text"]) == [str(n) for n in range(len(sentence["figures"]))]
        assert not re.search(r"\d", re.sub(r"\{\d+\}", "", sentence["text"])), sentence["text"]
        assert sentence["formatted"] == [shown(found["figures"][key]) for key in sentence["figures"]]


def test_every_figure_says_how_it_is_known(whole: dict[str, Any]) -> None:
    for key, figure in whole["figures"].items():
        assert figure["basis"] in {"measured", "modelled", "assumed"}, key
        assert figure["unit"], key
        assert figure.get("low", figure["value"]) <= figure["value"] <= figure.get("high", figure["value"]), key


def test_it_answers_for_every_variant(whole: dict[str, Any]) -> None:
    assert whole["asked"]["connections"] == [1_000, 50_000, 1_000_000]
    for size in ("1000", "50000", "1000000"):
        assert set(whole["cost"]["bills"][size]) == set(VARIANTS)
        assert set(whole["cost"]["verdicts"][size]) == {"cheapest", "next", "certainty"}
    assert set(whole["cost"]["idle"]) == set(VARIANTS)
    assert {run["name"] for run in whole["scaling"]["runs"]} == {*VARIANTS, "cpu"}
    assert [point["title"] for point in whole["verdict"]["points"]][:2] == ["Which one", "What would change it"]


def test_bills_add_up(whole: dict[str, Any]) -> None:
    for bills in whole["cost"]["bills"].values():
        for bill in bills.values():
            assert bill["total"] == pytest.approx(sum(line["amount"] for line in bill["lines"]))
            assert bill["low"] <= bill["total"] <= bill["high"]


def test_the_same_arguments_give_the_same_document(whole: dict[str, Any]) -> None:
    again = made()
    assert json.dumps(again, sort_keys=True) == json.dumps(whole, sort_keys=True)
    assert json.loads(json.dumps(whole)) == whole


def test_the_map_comes_back_as_it_was_drawn_from(whole: dict[str, Any]) -> None:
    drawn = break_even_map(load_sizes().workload, rows.shipped(), GRID)
    assert msgspec.convert(json.loads(json.dumps(whole["cost"]["map"])), BreakEvenMap) == drawn


def test_own_figures_come_first(whole: dict[str, Any]) -> None:
    found = made(load_sizes(["3200"], "2.5"))
    assert found["asked"]["connections"] == [1_000, 50_000, 1_000_000, 3_200]
    assert found["asked"]["own"]
    assert "3,200 connections" in text(found["verdict"]["headline"])
    assert "2.5 messages" in text(found["verdict"]["headline"])
    assert not whole["asked"]["own"]


def test_without_a_run_it_is_the_models_alone() -> None:
    found = made(runs=[])
    assert found["load"] is None
    assert found["conditions"] == {}
    assert "What it cost here" not in [point["title"] for point in found["verdict"]["points"]]


def test_what_was_measured_is_said_with_its_spread(whole: dict[str, Any]) -> None:
    said = " ".join(map(text, sentences(whole)))
    assert "On lambda an echo cost the backend 310 (300-330) microseconds of CPU." in said
    assert whole["figures"]["measured.lambda.backend.cpu_us_a_message"]["basis"] == "measured"
    assert [load["scenario"]["kind"] for load in whole["more"]] == ["idle", "mixed"]


def test_faults_are_counted_where_processes_were_killed(whole: dict[str, Any]) -> None:
    assert whole["faults"] == [
        {
            "scenario": "mixed",
            "target": name,
            "messages": 200,
            "accepted": 40,
            "lost": 0,
            "repeated": 3,
            "unanswered": 1,
            "kills": 4,
            "patience": 20,
        }
        for name in ("lambda", "eks")
    ]


def test_a_price_changes_the_verdict(whole: dict[str, Any]) -> None:
    figures = rows.changed({"api.message": {"value": 4}})
    found = made(figures=figures)
    assert whole["cost"]["verdicts"]["1000"]["cheapest"] == "lambda"
    assert found["cost"]["verdicts"]["1000"]["cheapest"] == "sockets"
    assert text(found["verdict"]["headline"]) != text(whole["verdict"]["headline"])
    assert found["asked"]["prices"]["api.message"]["value"] == 4


def test_the_memory_a_socket_changes_the_verdict(whole: dict[str, Any]) -> None:
    found = made(figures=rows.changed({"sockets.kib": {"value": 12000}}))
    assert whole["cost"]["verdicts"]["50000"]["cheapest"] == "sockets"
    assert found["cost"]["verdicts"]["50000"]["cheapest"] != "sockets"
    assert rushed(whole, "sockets")["summary"]["refusedConnections"] == 0
    assert rushed(found, "sockets")["summary"]["refusedConnections"] > 0


def test_the_trace_changes_the_verdict(whole: dict[str, Any]) -> None:
    found = made(trace=Trace(connections=60_000, within_seconds=60))
    assert rushed(found, "sockets")["summary"]["refusedConnections"] > 0
    assert rushed(found, "lambda")["summary"]["throttledConnections"] > 0
    assert rush_words(found) != rush_words(whole)


def test_an_autoscaler_over_cpu_sees_nothing_of_silent_sockets(whole: dict[str, Any]) -> None:
    assert rushed(whole, "cpu")["summary"]["scaledAfterSeconds"] is None
    assert rushed(whole, "sockets")["summary"]["scaledAfterSeconds"] > 0


def rushed(found: dict[str, Any], name: str) -> dict[str, Any]:
    runs: list[dict[str, Any]] = found["scaling"]["runs"]
    (one,) = (one for one in runs if one["name"] == name)
    return one


def rush_words(found: dict[str, Any]) -> list[str]:
    (point,) = (point for point in found["verdict"]["points"] if point["title"] == "What happens in a rush")
    return list(map(text, point["sentences"]))
