"""Inputs of the model that a run measured."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from compare.cost import measured_inputs, rows
from compare.cost.measured_inputs import MeasuredInput, inputs, message_bytes, read_runs, replaced
from compare.errors import CompareError

from ..clone import ROOT
from ..report.runs import figure
from .measurements import ECHO, IDLE, run


def by_key(*runs: dict[str, Any]) -> dict[str, MeasuredInput]:
    return {one.key: one for one in inputs(runs, rows.shipped())}


def test_an_echo_and_an_idle_run_give_what_messages_and_sockets_cost() -> None:
    found = by_key(run("echo", ECHO), run("idle", IDLE))
    assert {key: float(one.value) for key, one in found.items()} == {
        "http.request_us": 400,
        "pod.write_us": 1000,
        "sockets.message_us": 80,
        "sockets.send_us": 10,
        "sockets.accept_us": 500,
        "sockets.kib": 25,
        "lambda.message_ms": 4,
    }
    assert [float(found["http.request_us"].low), float(found["http.request_us"].high)] == [380, 450]
    assert found["http.request_us"].was == 100
    assert found["http.request_us"].source == "target eks, echo: backend.cpu_us_a_message"


def test_what_the_processes_do_anyway_is_taken_off() -> None:
    echo = {"eks": ECHO["eks"] | {"messages.a_second": figure(200)}}
    idle = {"eks": {"backend.cpu_seconds": figure(0.2, unit="CPU seconds of the load")}}
    (found,) = by_key(run("echo", echo), run("idle", idle)).values()
    assert [float(end) for end in (found.value, found.low, found.high)] == [200, 180, 450]
    assert found.source.endswith("less idle CPU")


def test_never_more_than_nine_tenths_of_it() -> None:
    echo = {"eks": ECHO["eks"] | {"messages.a_second": figure(200)}}
    idle = {"eks": {"backend.cpu_seconds": figure(5, unit="CPU seconds of the load")}}
    (found,) = by_key(run("echo", echo), run("idle", idle)).values()
    assert found.value == 40


def test_on_aws_the_billed_time_counts() -> None:
    aws = {
        "backend.cpu_us_a_message": figure(1, unit="us of CPU a message"),
        "cloudwatch.billed_ms": figure(5400, unit="ms"),
        "cloudwatch.invocations": figure(1200, unit="invocations"),
        "cloudwatch.write_units": figure(300, unit="units"),
        "messages.sent": figure(1000),
        "connections.opened": figure(50),
    }
    found = by_key(run("echo", {"lambda": aws}, where="given"))
    assert found["lambda.message_ms"].value == Decimal("4.5")
    assert found["message.write_units"].value == Decimal("0.2")


def test_units_that_were_counted_here_are_a_messages_without_the_disconnects() -> None:
    counted = {
        "dynamodb.write_units_a_message": figure(4.05, 4.0, 4.1, "write units a message"),
        "dynamodb.read_units_a_message": figure(5.5, unit="read units a message"),
        "connections.held": figure(20),
        "messages.sent": figure(400),
    }
    found = by_key(run("broadcast", {"eks": counted}))
    assert [float(found[f"message.{kind}_units"].value) for kind in ("read", "write")] == [5.5, 4.0]
    quiet = counted | {"dynamodb.write_units_a_message": figure(0.05, unit="write units a message")}
    assert "message.write_units" not in by_key(run("echo", {"eks": quiet}))


def test_a_run_that_killed_processes_gives_nothing() -> None:
    assert not by_key(run("echo", ECHO, kill_seconds=2.0))


def test_targets_of_other_names_give_nothing() -> None:
    assert not by_key(run("echo", {"mine": ECHO["eks"]}))


def test_the_rows_say_that_they_were_measured() -> None:
    found = replaced(rows.shipped(), inputs([run("echo", ECHO)], rows.shipped()))
    row = found.by_key["http.request_us"]
    assert [row.in_case(case) for case in rows.CASES] == [380, 400, 450]
    assert (row.confidence, row.as_of) == ("B", "2026-11-28")
    assert row.source == "measured: target eks, echo: backend.cpu_us_a_message"
    assert not found.changed


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ({"eks": {"backend.cpu_us_a_message": figure(-4, unit="us of CPU a message")}}, "http.request_us -4, which is"),
        ({"eks": {"backend.cpu_us_a_message": figure(1e9, unit="us of CPU a message")}}, "which is not between 1 and"),
        ({"eks": {"backend.cpu_us_a_message": figure(4, unit="ms")}}, "is in 'ms', not in 'us of CPU a message'"),
    ],
)
def test_figures_that_cannot_be_are_refused(targets: dict[str, Any], said: str) -> None:
    with pytest.raises(CompareError, match=said) as error:
        inputs([run("echo", targets)], rows.shipped())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[]", "its format is neither"),
        ('{"format": "duplex-load/2"}', "its format is neither"),
        ('{"format": "duplex-load/1"}', "missing required field"),
        (json.dumps(run("echo", {"eks": {"a": {"value": "x", "unit": "s", "low": 1, "high": 2}}})), "Expected float"),
        ("{" + '"a":{' * 5000, "not JSON"),
    ],
)
def test_a_file_that_is_no_run_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(CompareError, match=said) as error:
        read_runs(path)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))


def test_a_whole_report_is_read_as_its_runs(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    echo, idle = run("echo", ECHO), run("idle", IDLE)
    path.write_text(json.dumps({"format": "duplex-report/1", "load": echo, "more": [idle]}))
    assert read_runs(path) == [echo, idle]
    assert message_bytes([idle, echo]) == 64
    assert message_bytes([idle]) is None


def test_the_docs_name_every_input_that_can_be_measured() -> None:
    text = (ROOT / "docs" / "compare.md").read_text()
    section = text.split("## Inputs from a run")[1].split("\n## ")[0]
    assert set(measured_inputs.LIMITS) == set(re.findall(r"`([a-z]+\.[a-z_]+)`", section)) & set(
        rows.shipped().by_key
    ) - {
        "lambda.memory_mb",
        "session.write_units",
    }
