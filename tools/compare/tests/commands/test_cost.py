"""`compare cost` as a person types it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from decimal import Decimal
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from compare import files
from compare.cli import main
from compare.cost import rows
from compare.cost.comparison import compare
from compare.cost.map import break_even_map
from compare.cost.workload import Workload

from ..clone import ROOT
from ..cost.measurements import ECHO
from ..cost.measurements import run as load_run
from ..cost.strategies import WORKLOADS

LOAD = ("--connections", "2600", "--messages-per-minute", "1")
COMMAND = ".venv/bin/compare cost"


class Cost:
    """Runs the command in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Status, stdout, stderr."""
        self._monkeypatch.setattr(sys, "argv", ["compare", "cost", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def succeeds(self, *arguments: str) -> str:
        status, out, err = self(*arguments)
        assert (status, err) == (0, "")
        return out

    def refuses(self, *arguments: str) -> str:
        """The one line on stderr."""
        status, out, err = self(*arguments)
        assert (status, out) == (2, "")
        (line,) = err.splitlines()
        return line


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cost:
    """With a coarse map: a fine one is drawn once, below."""
    monkeypatch.setattr("compare.commands.cost.break_even_map", partial(break_even_map, grid=(9, 7)))
    return Cost(monkeypatch, capsys)


def test_the_table_fits_a_terminal_of_80_columns(cost: Cost) -> None:
    huge = ("--connections", "100000000", "--messages-per-minute", "6000", "--deliveries", "10000")
    for load in (LOAD, (*huge, "--connection-minutes", "0.001")):
        out = cost.succeeds(*load)
        assert max(len(line) for line in out.splitlines()) <= 80
        assert "…" not in out


def test_the_table_has_the_bills_the_verdict_and_the_break_evens(cost: Cost) -> None:
    out = cost.succeeds(*LOAD)
    assert re.search(r"^api\.messages +227\.70-231\.60 +227\.70-231\.60 +227\.70-231\.60$", out, re.MULTILINE)
    assert re.search(r"^lambda\.requests +23\.54 *$", out, re.MULTILINE)
    assert re.search(r"^total +\$325-376 +\$520-660 +\$330-510 +\$360-510$", out, re.MULTILINE)
    assert re.search(r"^sockets █+░+ +most: eks\.nodes +51%$", out, re.MULTILINE)
    assert "Too close to call: lambda costs $325-376 a month" in out
    assert re.search(r"^ +3,021 lambda \(api\.messages 68%\) +sockets \(eks\.nodes 50%\)", out, re.MULTILINE)
    assert "Within every default quota, at the mean rate." in out


def test_the_table_says_which_quotas_are_exceeded_and_by_how_much(cost: Cost) -> None:
    out = cost.succeeds("--connections", "20000", "--messages-per-minute", "1", "--connection-minutes", "0.5")
    assert "lambda, eks, ecs: 667 new connections a second; default 500 (1.33 times)" in out


def test_options_reach_the_bill(cost: Cost, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"nlb.hour": {"value": 1}}')
    out = cost.succeeds(
        *LOAD,
        *("--message-bytes", "33000", "--deliveries", "2", "--connection-minutes", "90", "--tls", "pod"),
        *("--free-tier", "--prices", str(tmp_path / "p.json"), "--json"),
    )
    answer = json.loads(out)
    assert answer["workload"] == {
        "connections": 2600,
        "messagesPerMinute": 1,
        "messageBytes": 33000,
        "deliveries": 2,
        "connectionMinutes": 90,
        "tls": "pod",
        "freeTier": True,
    }
    assert answer["overrides"] == ["nlb.hour"]
    assert answer["variants"]["ecs"]["lines"]["nlb.hours"] == {"low": 730, "value": 730, "high": 730}


def test_json_has_bills_quotas_verdict_and_break_evens(cost: Cost) -> None:
    answer = json.loads(cost.succeeds(*LOAD, "--json"))
    assert answer["variants"]["lambda"]["lines"]["logs"] == {"low": 21.21, "value": 21.4, "high": 23.54}
    assert answer["variants"]["sockets"]["total"] == {"low": 334.9, "value": 387.4, "high": 501.87}
    assert answer["variants"]["lambda"]["dominant"] == "api.messages"
    assert answer["variants"]["sockets"]["quotas"] == [
        {
            "quota": "quota.dynamodb_writes",
            "unit": "write units a second on a table",
            "needed": 9.388889,
            "default": 40000,
            "factor": 0.000235,
            "exceeded": False,
        }
    ]
    verdict = answer["verdict"]
    assert (verdict["cheapest"], verdict["next"], verdict["certainty"]) == ("lambda", "sockets", "too close to call")
    assert answer["breakEvens"][2] == {
        "connections": 3021,
        "below": {"cheaper": "lambda", "dominant": "api.messages", "share": 0.677243},
        "above": {"cheaper": "sockets", "dominant": "eks.nodes", "share": 0.504288},
        "changesCheapest": True,
    }


@settings(max_examples=50)
@given(WORKLOADS)
def test_json_loses_nothing_on_the_way(workload: Workload) -> None:
    document = compare(workload, rows.shipped()).document()
    assert json.loads(files.encoded(document), parse_float=Decimal, parse_int=Decimal) == document


def test_wrong_input_is_one_line_with_its_place(cost: Cost, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    page = tmp_path / "page.html"
    assert cost.refuses("--connections", "0", "--messages-per-minute", "1") == (
        "compare: --connections: '0' is not a whole number from 1 to 100,000,000"
    )
    file.write_text('{"api.message": {"value": -1}}')
    assert cost.refuses(*LOAD, "--prices", str(file), "--html", str(page)) == (
        f"compare: {file}: api.message: value: -1 is negative"
    )
    assert cost.refuses(*LOAD, "--html", str(tmp_path / "nowhere" / "page.html")) == (
        f"compare: {tmp_path}/nowhere/page.html: cannot be written: No such file or directory"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


def test_a_missing_option_is_wrong_usage(cost: Cost) -> None:
    status, out, err = cost("--connections", "10")
    assert (status, out) == (2, "")
    assert "--messages-per-minute" in err


class Links(HTMLParser):
    """Everything that would load something, or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "img", "iframe", "object"}:
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href"} or name.startswith("on")]


def test_the_page_stands_alone_and_names_its_sources(cost: Cost, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    out = cost.succeeds(*LOAD, "--html", str(page))
    assert f"The map: {page}" in out
    text = page.read_text(encoding="utf-8")
    links = Links()
    links.feed(text)
    assert links.found == []
    assert "@import" not in text
    assert re.findall(r"url\(([^)]*)\)", text) == ["#hatch"] * text.count("url(")
    assert "Too close to call: lambda costs $325-376 a month" in text
    for key, row in rows.shipped().by_key.items():
        assert f"<td>{key}</td>" in text
        assert row.confidence in text
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_the_page_takes_nothing_from_a_price_file_as_markup(cost: Cost, tmp_path: Path) -> None:
    file, page = tmp_path / "p.json", tmp_path / "page.html"
    file.write_text('{"nat.gb": {"value": 1, "unit": "<script>alert(1)</script>", "asOf": "<b>"}}')
    cost.succeeds(*LOAD, "--prices", str(file), "--html", str(page))
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "your file" in text


def test_json_and_a_page_come_from_one_command(cost: Cost, tmp_path: Path) -> None:
    out = cost.succeeds(*LOAD, "--json", "--html", str(tmp_path / "page.html"))
    assert json.loads(out)["verdict"]["cheapest"] == "lambda"
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


# The documents.


def documented() -> list[tuple[str, list[str]]]:
    """Every such command in the documents, with the lines of output shown beneath it."""
    found = []
    for name in ("README.md", "docs/cost-model.md"):
        for block in re.findall(r"```console\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL):
            for session in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, *shown = session.splitlines()
                if command.startswith(COMMAND):
                    found.append((command.partition("  #")[0], [line for line in shown if line not in {"", "…"}]))
    return found


def test_every_command_in_the_documents_prints_what_they_show(
    cost: Cost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = documented()
    assert len(commands) >= 3
    for command, shown in commands:
        for name in re.findall(r"--prices (\S+)", command):
            (tmp_path / name).write_text(example())
        printed = [line.rstrip() for line in cost.succeeds(*shlex.split(command.removeprefix(COMMAND))).splitlines()]
        assert [line for line in shown if line not in printed] == []


def example() -> str:
    """The price file that docs/cost-model.md shows."""
    (text,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs/cost-model.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(text)


def test_it_is_called_compare(cost: Cost) -> None:
    assert cost.succeeds("--help").startswith("Usage: compare cost [OPTIONS]\n")


PROGRAM = str(Path(sys.executable).with_name("compare"))


@pytest.mark.parametrize("program", [[PROGRAM], [sys.executable, "-m", "compare"]], ids=["program", "module"])
def test_it_runs_in_any_folder(program: list[str], tmp_path: Path) -> None:
    command = [*program, "cost", *LOAD, "--json", "--html", "map.html"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["workload"]["connections"] == 2600
    assert "Which one costs least a month" in (tmp_path / "map.html").read_text(encoding="utf-8")


def test_a_run_replaces_inputs_and_the_output_says_which(cost: Cost, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(load_run("echo", ECHO)))
    out = cost.succeeds(*LOAD, "--measured", str(path))
    assert "http.request_us 400 (380-450) instead of 100: target eks, echo:" in out
    assert "64 bytes" in out
    assert max(len(line) for line in out.splitlines() if str(path) not in line) <= 80
    prices = tmp_path / "mine.json"
    prices.write_text('{"http.request_us": {"value": 7}}')
    document = json.loads(cost.succeeds(*LOAD, "--measured", str(path), "--prices", str(prices), "--json"))
    assert document["overrides"] == ["http.request_us"]
    assert "sockets.message_us" in [one["key"] for one in document["measured"]]
    assert document["workload"]["messageBytes"] == 64


def test_a_run_that_measured_no_variant_is_refused(cost: Cost, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(load_run("echo", {"mine": ECHO["eks"]})))
    assert "no target has a variant's name" in cost.refuses(*LOAD, "--measured", str(path))
