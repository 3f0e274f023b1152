"""How long answers took, corrected beside uncorrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from compare.load.statistic import PERCENTILES
from compare.numbers import counted, number
from compare.pages import blocks
from compare.pages.markup import Markup, element
from compare.pages.palette import colours
from compare.report.sections import noise
from compare.report.sections.distributions import Distribution, bounds, distribution, percentiles, shares

#: What a scenario mostly does comes first.
_MAIN: Final = {"storm": "connect", "idle": "connect", "echo": "echo", "churn": "resumed", "work": "result"}
_WORDS: Final = {
    "connect": "from asking to connect until the connection is open",
    "echo": "from a message until its echo",
    "pong": "from a ping until its pong",
    "accepted": "from a message until the server has kept it",
    "delivered": "from a message until another client has it",
    "result": "from a piece of work until its result",
    "resumed": "from a reconnect until the session goes on",
}
_WAYS: Final = ("corrected", "uncorrected")
_WIDE: Final = blocks.Size(468, 300)


def latency(runs: Sequence[Mapping[str, Any]]) -> blocks.Section:
    """The first run's, then the others' for those who ask."""
    first, *others = runs
    parts = [element("h3", described(first)), *_run(first)]
    parts += [blocks.details(described(run), *_run(run)) for run in others]
    return blocks.section(
        "latency",
        "Latency",
        blocks.lead(
            "Corrected counts from the moment a message was due, so a stall counts for everyone it kept waiting. "
            "Uncorrected is what a client would see that waits for each answer before it asks again. Against a local "
            "cloud this is loopback: compare the variants with each other, not with AWS."
        ),
        *parts,
    )


def _run(run: Mapping[str, Any]) -> list[Markup]:
    targets = run["targets"]
    colour = colours(target["name"] for target in targets)
    names = list(dict.fromkeys(name for target in targets for name in target.get("histograms", {})))
    if not names:
        return [blocks.lead("No answers were timed.")]
    wanted = mainly(run["scenario"]["kind"])
    names.sort(key=lambda name: name != wanted)
    first, *others = names
    parts = [_figures(first, targets, colour), _table(first, targets), *_noise(first, run)]
    parts += [
        blocks.details(
            f"{name}: {_WORDS.get(name, name)}",
            _figures(name, targets, colour),
            _table(name, targets),
            *_noise(name, run),
        )
        for name in others
    ]
    return parts


def mainly(kind: str) -> str:
    """The answer that a scenario is mostly about."""
    return _MAIN.get(kind, "delivered")


def described(run: Mapping[str, Any]) -> str:
    """The load of a run in words."""
    scenario, rounds = run["scenario"], run["conditions"].get("rounds")
    words = f"{scenario['kind']}: {scenario['connections']:,} connections"
    if scenario.get("rate") and scenario["kind"] != "idle":
        words += f", {scenario['rate']:,g} a second"
    if scenario.get("duration"):
        words += f", {scenario['duration']:,g} s"
    if scenario.get("kill_seconds"):
        words += f", a process killed every {scenario['kill_seconds']:g} s"
    return words + (f", {counted(rounds, 'round')}" if rounds else "")


def _figures(name: str, targets: Sequence[Mapping[str, Any]], colour: Mapping[str, int]) -> Markup:
    found = {way: _distributions(name, way, targets, colour) for way in _WAYS}
    shown = {way: one for way, one in found.items() if one}
    if not shown:
        return Markup("")
    shared = bounds([one for each in shown.values() for one in each])
    curves = [
        blocks.fitted(lambda size, way=way, one=one: percentiles(way, one, shared, size), _WIDE)  # type: ignore[misc]
        for way, one in shown.items()
    ]
    title = f"{name}: {_WORDS.get(name, name)}"
    parts = [blocks.captioned(title, "Milliseconds by percentile, both axes logarithmic.", "measured", _pair(curves))]
    if "corrected" in shown:
        drawing = blocks.fitted(lambda size: shares(name, shown["corrected"], size), blocks.Size(960, 0))
        note = "How often each corrected time was met, each variant by itself; marks at the median and at 99%."
        parts.append(blocks.captioned(f"{name}: distribution", note, "measured", drawing))
    return blocks.joined(parts)


def _distributions(
    name: str, way: str, targets: Sequence[Mapping[str, Any]], colour: Mapping[str, int]
) -> list[Distribution]:
    encoded = [(target["name"], target.get("histograms", {}).get(name, {}).get(way)) for target in targets]
    found = [distribution(target, colour[target], text) for target, text in encoded if text]
    return [one for one in found if one is not None]


def _noise(name: str, run: Mapping[str, Any]) -> list[Markup]:
    found = [noise.told(f"latency.{name}.corrected.{label}_ms", run, f"{label}: ") for label in ("p50", "p99")]
    return [one for one in found if one]


def _table(name: str, targets: Sequence[Mapping[str, Any]]) -> Markup:
    rows: list[list[str]] = []
    for target in targets:
        for way in _WAYS:
            figures = {label: target["figures"].get(f"latency.{name}.{way}.{label}_ms") for label in PERCENTILES}
            count = target["figures"].get(f"latency.{name}.{way}.count")
            if count is not None:
                cells = [blocks.cell(one) for one in figures.values()]
                rows.append([target["name"], way, *cells, number(count["value"])])
    headings = ["", "", *(f"{label} ms" for label in PERCENTILES), "answers"]
    return blocks.table(headings, rows, words=2)


def _pair(curves: Sequence[Markup]) -> Markup:
    return element("div", *(element("div", one) for one in curves), class_="pair")
