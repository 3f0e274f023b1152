"""What the command prints and writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from compare.cli import app
from compare.scaling.output import COLUMNS, clock, sparkline
from compare.scaling.scenario import SHIPPED

from .runs import BASE, KEDA


def scale(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["scale", *arguments], env={"COLUMNS": "80"}, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def written(folder: Path, **fields: Any) -> str:
    path = folder / "scenario.json"
    path.write_text(json.dumps(BASE | fields))
    return str(path)


def test_the_terminal_shows_a_table_a_chart_and_the_moments_of_change(tmp_path: Path) -> None:
    printed = scale(written(tmp_path, metric=[[0, 18000], [60, 30000]], durationSeconds=3600))
    assert all(len(line) <= 80 for line in printed.splitlines())
    assert "scenario.json: 1:00:00, 18,000 to 30,000 connections" in printed
    assert [line.split() for line in printed.splitlines() if "30,000" in line][1] == [
        "1:00", "30,000", "5", "5", "5", "30,000", "0", "0"
    ]  # fmt: skip
    assert "keda   ▅███" in printed


def test_a_name_is_shown_as_it_is_written(tmp_path: Path) -> None:
    printed = scale(written(tmp_path, autoscaler=KEDA | {"name": "[red]a[/b] :smile:"}))
    assert "[red]a[/b] :smile:" in printed


def test_a_long_timeline_is_put_together(tmp_path: Path) -> None:
    metric = {"generate": "diurnal", "low": 18000, "high": 200_000}
    printed = scale(written(tmp_path, metric=metric, durationSeconds=3 * 86_400, podHourPrice=0.02))
    assert len(printed.splitlines()) < 60
    assert "moments of change in 30 rows" in printed
    assert "cost" in printed


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED.glob("*.json")))
def test_every_example_runs_within_80_columns(name: str) -> None:
    printed = scale(str(SHIPPED / name))
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert "…" not in printed


def test_json_is_nothing_but_json(tmp_path: Path) -> None:
    answer = json.loads(scale(written(tmp_path), "--json"))
    assert set(answer) == {"name", "kind", "timeline", "summary", "connections", "requests"}
    assert len(answer["timeline"]) == 40
    assert set(answer["timeline"][0]) == {"t", "metric", "desired", "replicas", "ready"}


def test_a_list_of_autoscalers_answers_with_a_list_of_runs(tmp_path: Path) -> None:
    several = written(tmp_path, autoscaler=[KEDA, KEDA | {"name": "small", "targetAverageValue": 3000}])
    answer = json.loads(scale(several, "--json"))
    assert [(run["name"], run["summary"]["peakReplicas"]) for run in answer["runs"]] == [("keda", 3), ("small", 6)]
    assert list(json.loads(scale(written(tmp_path, autoscaler=[KEDA]), "--json"))) == ["runs"]


def test_idle_sockets_connections_track_memory_lags_and_cpu_adds_nothing(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    answer = json.loads(scale(str(SHIPPED / "idle-sockets.json"), "--json", "--html", str(page)))
    connections, memory, cpu = (run["summary"] for run in answer["runs"])
    assert connections["refusedConnections"] == 0
    assert 0 < memory["refusedConnections"] < cpu["refusedConnections"]
    assert cpu["peakReplicas"] == 2
    added = [next(row["t"] for row in run["timeline"] if row["replicas"] > 2) for run in answer["runs"][:2]]
    assert added[0] < added[1]
    assert answer["runs"][2]["connections"]["held"] == 10_000
    assert page.read_text().count("<figure>") == 7


def test_large_numbers_fit_on_an_axis(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    scale(written(tmp_path, metric=[[0, 900_000], [60, 10_000_000]]), "--html", str(page))
    assert ">10 M</text>" in page.read_text()
    assert "10,000,000</text>" not in page.read_text()


@pytest.mark.parametrize(("values", "top", "drawn"), [([0, 1, 8], 8, " ▁█"), ([0, 0, 0], 0, "   "), ([8], 8, "███")])
def test_a_sparkline_shows_each_stretchs_largest_value(values: list[int], top: int, drawn: str) -> None:
    assert sparkline(values, top, 3) == drawn
    assert len(sparkline(values, top)) == COLUMNS


def test_a_shipped_scenario_goes_by_its_name() -> None:
    assert scale("threshold") == scale(str(SHIPPED / "threshold.json"))
    result = CliRunner().invoke(app, ["scale", "treshold"])
    names = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.json")))
    assert str(result.exception) == (
        f"treshold: no such file, nor a shipped scenario; did you mean threshold? ({names})"
    )


def test_a_sparkline_never_loses_a_peak() -> None:
    values = [0] * 10_000
    values[5_000] = 1
    assert sparkline(values, 100).strip() == "▁"


@pytest.mark.parametrize(("seconds", "text"), [(59, "0:59"), (3599, "59:59"), (3600, "1:00:00"), (90_000, "1d 01:00")])
def test_times_are_written_as_long_as_they_need_to_be(seconds: int, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"autoscaler": KEDA | {"minReplica": 1}}, "autoscaler.minReplica: unknown field; did you mean minReplicas?"),
        ({"metric": [[0, 1], [60, 2], [60, 3]]}, "metric[2]: is not later than the one before"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_status_2(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    path = written(tmp_path, **fields)
    page = tmp_path / "page.html"
    command = [sys.executable, "-m", "compare", "scale", path, "--html", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"compare: {path}: {message}\n")
    assert not page.exists()
