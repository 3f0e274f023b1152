"""`compare all`, without the variants: load/test_local.py runs those."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from compare.cli import app
from compare.commands import measure_all, run
from compare.errors import CompareError
from compare.load.scenario import load, parse
from compare.load.targets import Target
from compare.report.document import from_runs
from compare.report.load_sizes import load_sizes

from ..load.servers import answering, echo, serving
from ..report.runs import figure
from ..report.runs import run as a_run

pytestmark = pytest.mark.slow


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A run that made an echo of the pods cost 900 us."""
    document = a_run("echo")
    document["scenario"]["duration"] = 5.0
    for target in document["targets"]:
        target["figures"] = {"backend.cpu_us_a_message": figure(900, 850, 950, "us of CPU a message")}
        target |= {"rounds": [], "histograms": {}, "errors": {}, "limits": [], "url": "ws://127.0.0.1/"}
    path = tmp_path / "run.json"
    path.write_text(json.dumps(document | {"differences": [], "objectives": []}))
    return path


def compare(*arguments: object) -> tuple[int, str]:
    """Status, and what was printed or said."""
    result = CliRunner().invoke(app, ["all", *map(str, arguments)])
    if isinstance(result.exception, CompareError):
        return result.exception.status, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_an_earlier_run_feeds_the_models_and_the_verdict(earlier: Path, tmp_path: Path) -> None:
    file, prices = tmp_path / "report.json", tmp_path / "prices.json"
    prices.write_text('{"pod.write_us": {"value": 77}}')
    status, said = compare(
        *("--measured", earlier, "--own-connections", 3200, "--messages-per-minute", 2, "--prices", prices),
        *("--json", file),
    )
    assert status == 0
    assert "3,200 connections" in said
    assert "http.request_us 900 instead of 100: target eks, echo: backend.cpu_us_a_message" in said
    found: dict[str, Any] = json.loads(file.read_text())
    assert found["asked"]["connections"][-1] == 3200
    assert found["asked"]["prices"]["pod.write_us"]["value"] == 77
    assert [one["key"] for one in found["inputs"]] == ["http.request_us", "lambda.message_ms"]
    assert max(len(line) for line in said.splitlines()) <= 120


def test_the_same_run_measured_dearer_makes_pods_dearer(earlier: Path) -> None:
    document = json.loads(earlier.read_text())
    cheap = from_runs([document], load_sizes(["1000000"]))
    for target in document["targets"]:
        target["figures"]["backend.cpu_us_a_message"] = figure(90_000, unit="us of CPU a message")
    dear = from_runs([document], load_sizes(["1000000"]))
    for name in ("eks", "ecs", "lambda"):
        bills = [found["cost"]["bills"]["1000000"][name]["total"] for found in (cheap, dear)]
        assert bills[1] > 1.2 * bills[0]
    assert dear["cost"]["bills"]["1000000"]["sockets"] != {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--own-connections", "many"), "--own-connections: 'many' is not a whole number"),
        (("--messages-per-minute", "-1"), "--messages-per-minute: '-1' is not a number"),
        (("--prices", "nowhere.json"), "nowhere.json: cannot be read"),
        (("--measured", "nowhere.json"), "nowhere.json: cannot be read"),
        (("--json", "no/such/folder.json"), "--json: no/such/folder.json cannot be written"),
        (("--html", "no/such/folder.html"), "--html: no/such/folder.html cannot be written"),
    ],
)
def test_bad_input_is_one_line_before_anything_runs(arguments: tuple[str, ...], said: str) -> None:
    status, line = compare(*arguments)
    assert status == 2
    assert line.startswith(said)
    assert "\n" not in line


def test_without_an_assembly_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    status, line = compare("--assembly", tmp_path, "--json", file)
    assert status == 1
    assert "make synth" in line
    assert not file.exists()


def test_stopped_it_gives_what_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    short, long = (parse("it", f"kind: echo\nconnections: 2\nrate: 20\nduration: {n}".encode()) for n in (1, 600))
    monkeypatch.setattr(measure_all, "PLAN", ((short, 1), (long, 1)))
    file, page = tmp_path / "report.json", tmp_path / "report.html"

    @asynccontextmanager
    async def started(*_: object) -> AsyncIterator[list[Target]]:
        yield [Target("eks", url)]

    async def slowly(*arguments: Any) -> None:
        """Ctrl-C, a second into the second run."""
        if arguments[0].scenario is long:
            asyncio.get_running_loop().call_later(1.5, signal.raise_signal, signal.SIGINT)
        await run_rounds(*arguments)

    run_rounds = run.run_rounds
    monkeypatch.setattr(measure_all, "started", started)
    monkeypatch.setattr(measure_all, "run_rounds", slowly)
    with serving(answering(echo)) as url:
        status, said = compare("--json", file, "--html", page)
    assert status == 130
    assert "stopped early" in said
    found = json.loads(file.read_text())
    assert not found["complete"]
    assert found["load"]["complete"]
    assert [one["complete"] for one in found["more"]] in ([False], [])
    assert page.exists()


def test_what_is_run_fits_into_five_minutes() -> None:
    variants, overhead, starting = 4, 3, 40  # seconds around each round: connects, processes, what is still awaited
    seconds = float(starting)
    for scenario, rounds in measure_all.PLAN:
        connecting = scenario.connections / scenario.connect_rate
        seconds += variants * rounds * (scenario.duration + connecting + overhead)
    assert seconds < 270
    assert load("faults").kill_seconds
