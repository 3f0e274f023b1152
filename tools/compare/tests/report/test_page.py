"""The parts of a page, without a browser: what they say, and what they never let through."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from compare.cost import rows
from compare.pages import blocks
from compare.pages.labels import width
from compare.pages.ranges import RangeRow, ranges
from compare.report.document import document
from compare.report.ledger import text as told
from compare.report.load_sizes import load_sizes
from compare.report.page import page, run_page, side_by_side
from compare.report.sections.curves import README, picture
from compare.report.sections.scaling import timeline

from ..clone import ROOT
from . import measured_runs
from .conftest import HOSTILE

LARGEST = 1_500_000


class Reader(HTMLParser):
    """Every tag with its attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def text(report: dict[str, Any]) -> str:
    return page(report)


def test_it_is_one_small_file_without_scripts_or_addresses(text: str) -> None:
    assert len(text.encode()) < LARGEST
    found = Reader(text)
    assert {"script", "img", "iframe", "object", "embed", "link", "base", "form"}.isdisjoint(
        tag for tag, _ in found.tags
    )
    for _, attributes in found.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "src", "xlink:href", "data"):
            assert (attributes.get(name) or "#").startswith("#"), attributes
    assert "@import" not in text
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {"#hatch"}


def test_a_name_from_outside_is_text(text: str) -> None:
    assert HOSTILE not in text
    assert HOSTILE in Reader(text).text


def test_every_sentence_and_figure_is_there_with_its_basis(report: dict[str, Any], text: str) -> None:
    found = Reader(text)
    ids = {attributes.get("id") for _, attributes in found.tags}
    assert {blocks.anchor(key) for key in report["figures"]} <= ids
    plain = " ".join(found.text.split())
    for point in report["verdict"]["points"]:
        assert point["title"] in plain
        for sentence in point["sentences"]:
            assert " ".join(sentence["text"].format(*sentence["formatted"]).split()) in plain
    marks = {attributes["class"] for tag, attributes in found.tags if tag == "i"}
    assert marks == {"mark measured", "mark modelled", "mark assumed"}


def test_sections_come_in_the_order_of_the_question(text: str) -> None:
    names = [attributes["id"] for tag, attributes in Reader(text).tags if tag == "section"]
    assert names == [
        "costs", "bills", "idle", "map", "latency", "throughput", "resources", "scaling", "faults", "inputs",
        "conditions", "figures",
    ]  # fmt: skip
    links = [attributes["href"] for tag, attributes in Reader(text).tags if tag == "a" and "class" not in attributes]
    assert links == [f"#{name}" for name in names]


def test_every_size_variant_and_autoscaler_is_drawn(report: dict[str, Any], text: str) -> None:
    plain = Reader(text).text
    for size in ("1,000 connections", "50,000 connections", "1,000,000 connections"):
        assert size in plain
    for run in report["scaling"]["runs"]:
        assert run["name"] in plain
    assert "Larger than the noise: lambda is better than eks" in plain
    assert "sockets.kib" in plain


def test_without_a_run_the_models_still_make_a_page() -> None:
    plain = Reader(page(document([], load_sizes(), rows.shipped(), grid=(5, 3)))).text
    assert "Nothing was measured for this report." in plain
    assert "None: the models ran on the figures they come with." in plain
    assert "Latency" not in plain


def test_a_run_that_was_stopped_says_so() -> None:
    plain = Reader(run_page(measured_runs.run(complete=False, failures=["lambda: <went away>"]))).text
    assert "stopped early" in plain
    assert "lambda: <went away>" in plain
    assert "breached" in plain
    assert "6 × timeout" in plain


def test_two_runs_are_put_side_by_side() -> None:
    plain = Reader(side_by_side(measured_runs.run(), measured_runs.run(slower=3), ("a.json", "<b>.json"))).text
    assert "a.json beside <b>.json" in plain
    assert "backend.cpu_us_a_message" in plain


def test_the_picture_answers_for_each_size_and_names_its_break_even(report: dict[str, Any]) -> None:
    drawing = picture(report["cost"], report["asked"], README, standalone=True)
    texts = [one.text for one in ElementTree.fromstring(drawing).iter() if one.tag.endswith("}text")]  # noqa: S314 - our own
    (even,) = [one for one in report["cost"]["break_even"] if one["changes_cheapest"]]
    assert f"{even['connections']:,} connections" in texts
    assert f"{even['to']} costs less than {even['from']}" in texts
    cheapest = [one["cheapest"] for one in report["cost"]["verdicts"].values()]
    for size, name in zip(("1,000", "50,000", "1M"), cheapest, strict=True):
        place = texts.index(f"{size} connections")
        assert str(texts[place + 1]).startswith(f"{name} $")


def test_another_bill_is_another_picture(report: dict[str, Any]) -> None:
    changed = copy.deepcopy(report["cost"])
    for bill in changed["bills"].values():
        bill["ecs"]["total"] = 1.0
    assert "ecs $1.00" in picture(changed, report["asked"], README)
    assert "ecs $1.00" not in picture(report["cost"], report["asked"], README)


def test_own_sizes_are_marked_too() -> None:
    own = document([], load_sizes(["3", "20000000"]), rows.shipped(), grid=(5, 3))
    assert "20,000,000 connections" in Reader(page(own)).text


def test_the_readme_says_what_the_models_say() -> None:
    """When this fails: make compare, the picture as README says, and the verdict anew."""
    quoted = " ".join(re.sub(r"^>", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE).split())
    drawn = (ROOT / "docs" / "which-one.svg").read_text(encoding="utf-8")
    models = document([], load_sizes(), rows.shipped(), grid=(5, 3))
    assert told(models["verdict"]["headline"]) in quoted
    even = re.search(r"From ([\d,]+) \([\d,-]+\) connections on (\w+) costs less than (\w+)\.", quoted)
    assert even is not None
    assert f">{even[1]} connections</text>" in drawn
    assert f">{even[2]} costs less than {even[3]}</text>" in drawn
    # What was measured moves it a little; more than a tenth is another model.
    (now,) = [one["connections"] for one in models["cost"]["break_even"] if one["changes_cheapest"]]
    assert int(even[1].replace(",", "")) == pytest.approx(now, rel=0.1)


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_rows_of_ranges_hold_any_name(value: float) -> None:
    drawing = ranges("a <title>", [RangeRow("n<" * 60, "1.23 (1.2-1.3)", value, value, value, 0)])
    shown = [one.text or "" for one in ElementTree.fromstring(drawing).iter("text")]  # noqa: S314 - our own
    assert shown[1].endswith("…")
    assert width(shown[1]) + width(shown[2]) < 304


def test_a_timeline_keeps_every_step(report: dict[str, Any]) -> None:
    run = next(one for one in report["scaling"]["runs"] if one["name"] == "sockets")
    drawing = timeline(run, 2, 300, blocks.PHONE)
    assert f"{run['timeline'][30]['metric']:,.0f}" in drawing
    levels = {step["ready"] for step in run["timeline"]}
    line = re.search(r'<path d="([^"]+)" class="line s2"><title>ready', drawing) or re.search(
        r'class="line s2"[^>]*d="([^"]+)"', drawing
    )
    found = re.findall(r"V([\d.]+)", line[1] if line else "")
    assert len(set(found)) >= len(levels) - 1 > 0
