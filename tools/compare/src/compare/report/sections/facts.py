"""Tables of what the rest rests on: faults, measured inputs, conditions, and every figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from compare.numbers import number
from compare.pages import blocks
from compare.pages.markup import Markup, element
from compare.report.sections.latency import described

_GROUPS: Final = {
    "asked": "Asked for",
    "measured": "Measured",
    "cost": "Bills",
    "break_even": "Break-evens",
    "flip": "What would change the verdict",
    "now": "What stands in the models today",
    "pods": "Pods and nodes",
    "nodes": "Pods and nodes",
    "rush": "The rush",
    "faults": "Faults",
}
_CONDITIONS: Final = {
    "began": "began (UTC)",
    "seconds": "took, s",
    "rounds": "rounds",
    "processes": "sending processes",
    "cores": "cores",
    "load_average": "load average",
    "memory_mib": "memory, MiB",
    "system": "system",
    "python": "Python",
}


def faults(found: Sequence[Mapping[str, Any]]) -> blocks.Section:
    """What was lost while processes were killed."""
    if not found:
        return blocks.section(
            "faults", "Faults survived", blocks.lead("Nothing was killed in the runs of this report.")
        )
    counts = ("kills", "messages", "accepted", "lost", "repeated", "unanswered")
    rows: list[list[str]] = [[one["target"], one["scenario"], *(number(one[key]) for key in counts)] for one in found]
    return blocks.section(
        "faults",
        "Faults survived",
        blocks.lead(
            "Processes of the backend were killed while messages went. Lost: accepted and never delivered. Repeated: "
            "delivered twice, which clients drop. Unanswered: asked again by the client."
        ),
        blocks.table(["target", "scenario", *counts], rows, words=2),
    )


def inputs(found: Sequence[Mapping[str, Any]]) -> blocks.Section:
    """The models' figures that the run replaced."""
    rows: list[list[str]] = [
        [element("code", one["key"]), number(one["was"]), number(one["value"]), one["unit"], one["from"]]
        for one in found
    ]
    return blocks.section(
        "inputs",
        "Inputs replaced by measurements",
        blocks.lead("The models start from these, measured here, instead of the figures they come with.")
        if rows
        else blocks.lead("None: the models ran on the figures they come with."),
        blocks.table(["input", "was", "is", "unit", "from"], rows, style="prose") if rows else Markup(""),
    )


def conditions(runs: Sequence[Mapping[str, Any]]) -> blocks.Section:
    """Where and when each run was made, and to what it was sent."""
    if not runs:
        return blocks.section(
            "conditions", "Conditions of the run", blocks.lead("Nothing was measured for this report.")
        )
    keys = list(dict.fromkeys(key for run in runs for key in run["conditions"]))
    rows: list[list[str]] = [
        [_CONDITIONS.get(key, key), *(_text(run["conditions"].get(key, "")) for run in runs)] for key in keys
    ]
    settings = list(dict.fromkeys(key for run in runs for key in run["scenario"]))
    set_: list[list[str]] = [[key, *(_text(run["scenario"].get(key, "")) for run in runs)] for key in settings]
    targets: list[list[str]] = [
        [target["name"], run["scenario"]["kind"], target.get("where", ""), target.get("url", "")]
        for run in runs
        for target in run["targets"]
    ]
    headings = ["", *(run["scenario"]["kind"] for run in runs)]
    return blocks.section(
        "conditions",
        "Conditions of the run",
        blocks.table(headings, rows),
        blocks.details("The scenarios", blocks.table(headings, set_)),
        blocks.details("The targets", blocks.table(["target", "run", "where", "address"], targets, words=4)),
    )


def figures(document: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> blocks.Section:
    """Every figure: those of the sentences, then those of the runs."""
    found = document["figures"]
    grouped: dict[str, list[Markup]] = {}
    for key, one in found.items():
        grouped.setdefault(_GROUPS.get(key.partition(".")[0], "Others"), []).append(_row(key, one))
    return blocks.section(
        "figures",
        "Every figure",
        blocks.lead("The numbers of the sentences above, by their keys in the report's JSON."),
        blocks.legend(),
        _table(grouped),
        *(blocks.details(f"Every figure of the run: {described(run)}", measured(run)) for run in runs),
    )


def of_run(run: Mapping[str, Any]) -> blocks.Section:
    """Every figure of one run."""
    return blocks.section("figures", "Every figure", blocks.legend(), measured(run))


def measured(run: Mapping[str, Any]) -> Markup:
    """Every figure of a run, a column for each target."""
    targets = run["targets"]
    keys = dict.fromkeys(key for target in targets for key in target["figures"])
    rows: list[list[str]] = []
    for key in keys:
        ones = [target["figures"].get(key) for target in targets]
        known = next(one for one in ones if one is not None)
        basis = element("span", blocks.mark(known["basis"]), known["basis"], class_="keep")
        rows.append([element("code", key), basis, known["unit"], *map(blocks.cell, ones), known.get("source", "")])
    headings = ["figure", "basis", "unit", *(target["name"] for target in targets), "source"]
    return blocks.table(headings, rows, words=3, style="prose")


def _table(grouped: Mapping[str, Sequence[Markup]]) -> Markup:
    headings = ("figure", "value", "range", "unit", "basis", "source")
    numbers = {"value", "range"}
    head = element("tr", *(element("th", text, class_=None if text in numbers else "word") for text in headings))
    rows: list[Markup] = []
    for title, group in grouped.items():
        rows += [element("tr", element("th", title, colspan=len(headings), class_="group")), *group]
    whole = element("table", element("thead", head), element("tbody", *rows))
    return element("div", whole, class_="wide prose", tabindex="0")


def _row(key: str, one: Mapping[str, Any]) -> Markup:
    low, high = one.get("low"), one.get("high")
    known = "" if low is None or high is None or low == high else f"{number(low)}-{number(high)}"
    return element(
        "tr",
        element("td", element("code", key), class_="word"),
        element("td", number(one["value"])),
        element("td", known),
        element("td", one["unit"], class_="word"),
        element("td", element("span", blocks.mark(one["basis"]), one["basis"], class_="keep"), class_="word"),
        element("td", one.get("source", ""), class_="word"),
        id=blocks.anchor(key),
    )


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return " ".join(map(_text, value))
    if isinstance(value, str):
        return value.replace("T", " ").replace("+00:00", "") if value[:2] == "20" else value
    if isinstance(value, float):
        return f"{value:,g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
