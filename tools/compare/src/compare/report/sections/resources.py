"""What the load cost here: messages, CPU and memory by part, and which differences are more than noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from compare.numbers import number, ranged
from compare.pages import blocks
from compare.pages.markup import Markup, element
from compare.pages.palette import colours
from compare.pages.ranges import RangeRow, ranges
from compare.report.sections import noise
from compare.report.sections.latency import described

_COUNTS: Final = {
    "connections.opened": "connects",
    "connections.refused": "refused",
    "messages.sent": "sent",
    "messages.answered": "answered",
    "messages.deliveries": "delivered",
    "messages.lost": "lost",
    "messages.unanswered": "no answer",
    "messages.repeated": "repeated",
    "messages.overtaken": "over­taken",
    "errors.percent": "errors, %",
}
_PANELS: Final = {
    "backend.cpu_us_a_message": "Backend: µs of CPU a message",
    "backend.cpu_us_a_connect": "Backend: µs of CPU a connect",
    "backend.kib_a_socket": "Backend: KiB a connection",
    "backend.mib": "Backend: MiB",
    "backend.processes": "Backend: processes",
    "emulator.cpu_us_a_message": "Emulator: µs of CPU a message",
    "emulator.mib": "Emulator: MiB",
    "dynamodb.read_units_a_message": "DynamoDB: read units a message",
    "dynamodb.write_units_a_message": "DynamoDB: write units a message",
    "generator.core_percent": "Generator: % of a core",
}
# Few connections drown in other growth, and few messages in what a connection costs.
_OF_CONNECTS: Final = {"storm", "idle"}


def throughput(runs: Sequence[Mapping[str, Any]]) -> blocks.Section:
    """What went through, and what went wrong."""
    panels = [
        _panel("messages.a_second", f"{run['scenario']['kind']}: answered a second", run["targets"])
        for run in runs
        if run["scenario"]["kind"] not in _OF_CONNECTS
    ]
    rows: list[list[str]] = [
        [run["scenario"]["kind"], target["name"], *(_number(target["figures"].get(key)) for key in _COUNTS)]
        for run in runs
        for target in run["targets"]
    ]
    note = "How much was sent is the scenario's: these are no limits of the servers."
    return blocks.section(
        "throughput",
        "Throughput",
        blocks.captioned(
            "Answered messages a second, over the rounds", note, "measured", blocks.grid(*filter(None, panels))
        ),
        blocks.table(["run", "target", *_COUNTS.values()], rows, words=2),
        *(part for run in runs for part in _notes(run)),
    )


def resources(runs: Sequence[Mapping[str, Any]]) -> blocks.Section:
    """CPU and memory of every part of the local cloud."""
    parts = [part for run in runs for part in _resources(run)]
    local = any("backend.mib" in target["figures"] for run in runs for target in run["targets"])
    return blocks.section(
        "resources",
        "CPU and memory",
        blocks.lead(
            "A ring is the median over the rounds, each dot one round, the bar their spread. The backend is what you "
            "would pay for; the emulator stands in for AWS. A difference is larger than the noise when every round of "
            "one lies beyond every round of the other."
        ),
        *([] if local else [blocks.lead("The servers did not run on this machine: nothing of theirs was read.")]),
        *parts,
    )


def _notes(run: Mapping[str, Any]) -> list[Markup]:
    """What limited the run, failed, or was to be met."""
    kind = run["scenario"]["kind"]
    parts = [
        blocks.warning(f"{kind}, {target['name']}: the generator was a limit: {one['text']}")
        for target in run["targets"]
        for one in target.get("limits", [])
    ]
    parts += [blocks.warning(f"{kind}: failed: {text}") for text in run.get("failures", [])]
    if not run.get("complete", True):
        parts.append(blocks.warning(f"{kind}: stopped early: these are the figures until then"))
    for target in run["targets"]:
        errors = [f"{count:,} × {name}" for name, count in target.get("errors", {}).items()]
        if errors:
            parts.append(element("p", f"{kind}, {target['name']}: {'; '.join(errors)}", class_="note"))
    rows: list[list[str]] = [
        [
            one["target"],
            one["objective"],
            _objective(one["value"]),
            _objective(one["limit"]),
            "met" if one["met"] else element("b", "breached"),
        ]
        for one in run.get("objectives", [])
    ]
    if rows:
        parts.append(blocks.table(["target", "objective", "value", "limit", ""], rows, words=2))
    return parts


def _resources(run: Mapping[str, Any]) -> list[Markup]:
    targets = run["targets"]
    left_out = "a_message" if run["scenario"]["kind"] in _OF_CONNECTS else ("a_connect", "a_socket")
    drawn = {key: _panel(key, title, targets) for key, title in _PANELS.items() if not key.endswith(left_out)}
    panels = [element("div", drawing, noise.told(key, run)) for key, drawing in drawn.items() if drawing]
    if not panels:
        return [noise.listed(run)]
    figure = blocks.captioned("By part, over the rounds", "", "measured", blocks.grid(*panels))
    return [element("h3", described(run)), figure, noise.listed(run)]


def _panel(key: str, title: str, targets: Sequence[Mapping[str, Any]]) -> Markup:
    found = [(target["name"], target["figures"][key]) for target in targets if key in target["figures"]]
    colour = colours(target["name"] for target in targets)
    rows = [
        RangeRow(name, _spread(one), one["value"], one["low"], one["high"], colour[name], one.get("rounds", ()))
        for name, one in found
    ]
    return ranges(title, rows) if rows and any(row.high for row in rows) else Markup("")


def _spread(one: Mapping[str, Any]) -> str:
    return ranged(*(number(one[end]) for end in ("value", "low", "high")))


def _number(one: Mapping[str, Any] | None) -> str:
    return "" if one is None else number(one["value"])


def _objective(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"
