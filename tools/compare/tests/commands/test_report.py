"""`compare report`, and the page of `compare run`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from compare import cli
from compare.report.document import document

from ..report import measured_runs


class Command:
    """`compare`, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        """Status, stdout, stderr."""
        self._monkeypatch.setattr("sys.argv", ["compare", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        told = self._capsys.readouterr()
        return int(code or 0), told.out, told.err


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    # A coarse map: a fine one takes seconds.
    monkeypatch.setattr("compare.report.document.document", partial(document, grid=(5, 3)))
    return Command(capsys, monkeypatch)


def saved(path: Path, given: dict[str, Any]) -> Path:
    path.write_text(json.dumps(given), encoding="utf-8")
    return path


def test_a_run_leads_to_a_report(command: Command, tmp_path: Path) -> None:
    run, page = saved(tmp_path / "run.json", measured_runs.run()), tmp_path / "page.html"
    drawing = tmp_path / "picture.svg"
    status, out, err = command(run, "--html", page, "--svg", drawing)
    assert (status, err) == (0, "")
    assert drawing.read_text(encoding="utf-8").startswith("<svg")
    assert "Which one" in out
    assert f"The page: {page}" in out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    status, out, _ = command(run, "--json")
    made = json.loads(out)
    assert (status, made["format"], made["load"]["scenario"]["kind"]) == (0, "duplex-report/1", "echo")
    again = saved(tmp_path / "report.json", made)
    status, out, _ = command(again, "--json")
    assert json.loads(out) == made


def test_two_runs_beside_each_other(command: Command, tmp_path: Path) -> None:
    a, b = saved(tmp_path / "a.json", measured_runs.run()), saved(tmp_path / "b.json", measured_runs.run(slower=3))
    page = tmp_path / "page.html"
    status, out, err = command(a, b, "--html", page)
    assert (status, err) == (0, "")
    assert "figures differ by more than their rounds do" in out
    assert "backend.cpu_us_a_message" in out
    assert "a.json beside b.json" in page.read_text(encoding="utf-8")
    status, out, _ = command(a, b, "--json")
    assert json.loads(out)["names"] == ["a.json", "b.json"]
    status, _, err = command(a, b, "--svg", tmp_path / "picture.svg")
    assert (status, err) == (2, "compare: --svg: the picture is of one report: leave B.json out\n")


def without(given: dict[str, Any], *path: str) -> dict[str, Any]:
    held = given
    for key in path[:-1]:
        held = held[key] if isinstance(held, dict) else held[0]
    del held[path[-1]]
    return given


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"format": "other"}, "its format is neither duplex-load/1 nor duplex-report/1"),
        ({"format": "duplex-report/1"}, "not whole: 'load' is missing; give what compare run or compare all wrote"),
        ({"format": "duplex-load/1", "targets": 3}, "Expected array, got int - at $.targets"),
        (without(measured_runs.run(), "scenario", "connections"), "not whole: 'connections' is missing"),
    ],
)
def test_what_is_not_whole_is_told_and_nothing_is_written(
    command: Command, tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    path, page = saved(tmp_path / "bad.json", given), tmp_path / "page.html"
    for arguments in ((path, "--html", page), (path,)):
        status, out, err = command(*arguments)
        assert (status, out) == (2, "")
        assert err.startswith(f"compare: {path}: ")
        assert told in err
        assert err.count("\n") == 1
    assert not page.exists()


def test_a_file_or_folder_that_is_not_there_is_told(command: Command, tmp_path: Path) -> None:
    status, _, err = command(tmp_path / "none.json")
    assert (status, err) == (2, f"compare: {tmp_path}/none.json: cannot be read: No such file or directory\n")
    run = saved(tmp_path / "run.json", measured_runs.run())
    status, _, err = command(run, "--html", tmp_path / "none" / "page.html")
    assert status == 2
    assert "--html" in err
    assert "there is no folder" in err


def test_a_histogram_that_cannot_be_read_is_told(command: Command, tmp_path: Path) -> None:
    run = measured_runs.run()
    run["targets"][0]["histograms"]["echo"]["corrected"] = "nonsense"
    status, out, err = command(saved(tmp_path / "run.json", run))
    assert (status, out) == (2, "")
    assert "a histogram cannot be read" in err
