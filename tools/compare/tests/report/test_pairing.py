"""Two documents, figure by figure."""

from __future__ import annotations

from typing import Any

import pytest

from compare.cost import rows
from compare.report.document import document
from compare.report.load_sizes import load_sizes
from compare.report.pairing import paired

from . import measured_runs


def row(found: dict[str, Any], figure: str, target: str = "lambda") -> Any:
    (one,) = [one for one in found["measured"] if (one["figure"], one["target"]) == (figure, target)]
    return one


def test_what_every_round_shows_is_larger_than_the_noise() -> None:
    found = paired(measured_runs.run(), measured_runs.run(slower=3), ("a", "b"))
    cpu = row(found, "backend.cpu_us_a_message")
    assert (cpu["better"], cpu["larger_than_noise"]) == ("a", True)
    assert cpu["ratio"] == pytest.approx(cpu["values"][1] / cpu["values"][0])
    assert cpu["chance"] == pytest.approx(0.1)
    assert {one["target"] for one in found["measured"]} == set(measured_runs.NAMES)


def test_a_run_beside_itself_differs_in_nothing() -> None:
    found = paired(measured_runs.run(), measured_runs.run(), ("a", "a"))
    assert found["names"] == ["a (1)", "a (2)"]
    assert not any(one["larger_than_noise"] or one["better"] for one in found["measured"])
    assert found["only"] == [[], []]


def test_two_rounds_are_too_few_to_tell() -> None:
    found = paired(measured_runs.run(rounds=2), measured_runs.run(rounds=2, slower=9), ("a", "b"))
    assert not any(one["larger_than_noise"] for one in found["measured"])


def test_targets_go_by_name_and_lone_ones_together() -> None:
    found = paired(measured_runs.run(names=("lambda", "mine")), measured_runs.run(names=("lambda", "eks")), ("a", "b"))
    assert {one["target"] for one in found["measured"]} == {"lambda"}
    assert found["only"] == [["echo: mine"], ["echo: eks"]]
    found = paired(measured_runs.run(names=("old",)), measured_runs.run(names=("new",)), ("a", "b"))
    assert {one["target"] for one in found["measured"]} == {"old / new"}


def test_reports_pair_their_runs_by_kind_and_their_models_by_key() -> None:
    def report(messages: str, *kinds: str) -> dict[str, Any]:
        runs = [measured_runs.run(kind) for kind in kinds]
        return document(runs, load_sizes(None, messages), rows.shipped(), grid=(5, 3))

    found = paired(report("1", "echo", "idle"), report("40", "idle"), ("a", "b"))
    assert {one["scenario"] for one in found["measured"]} == {"idle"}
    assert found["only"] == [[f"echo: {name}" for name in measured_runs.NAMES], []]
    idle = {one["figure"]: one for one in found["modelled"]}
    assert idle["asked.messages_per_minute"]["values"] == [1, 40]
    assert idle["cost.50000.sockets"]["larger_than_range"]
    assert all(one["values"][0] != one["values"][1] for one in found["modelled"])
    mixed = paired(report("1", "echo"), measured_runs.run(), ("a", "b"))
    assert mixed["modelled"] == []
    assert mixed["measured"]
