"""Two runs, or two reports, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from compare.cost.measured_inputs import REPORT, runs
from compare.load.noise import differences
from compare.load.statistic import Statistic

FORMAT: Final = "duplex-beside/1"

Document = Mapping[str, Any]


def paired(a: Document, b: Document, names: tuple[str, str]) -> dict[str, Any]:
    """Put two documents side by side, JSON-ready.

    `measured` has the figures that both measured, run by run and target by target; of those with rounds
    `larger_than_noise` says whether every round of one lies beyond every round of the other, with three or more.
    `modelled` has those that two reports worked out; `larger_than_range` says whether their ranges are apart.
    """
    first, second = names
    if first == second:
        first, second = f"{first} (1)", f"{second} (2)"
    return {
        "format": FORMAT,
        "names": [first, second],
        "measured": list(_measured(runs(a), runs(b), (first, second))),
        "modelled": list(_modelled(a.get("figures", {}), b.get("figures", {}))) if _both_report(a, b) else [],
        "only": [_without(runs(a), runs(b)), _without(runs(b), runs(a))],
    }


def _measured(mine: Sequence[Document], theirs: Sequence[Document], names: tuple[str, str]) -> Iterator[dict[str, Any]]:
    for one, other in _pairs(mine, theirs):
        for left, right in _targets(one, other):
            ours, their = ({key: _figure(each) for key, each in side["figures"].items()} for side in (left, right))
            for found in differences({names[0]: ours, names[1]: their}):
                key = found["figure"]
                yield {
                    "scenario": one["scenario"]["kind"],
                    "target": _named(left["name"], right["name"]),
                    "unit": ours[key].unit,
                    "basis": ours[key].basis,
                    "lows": [ours[key].low, their[key].low],
                    "highs": [ours[key].high, their[key].high],
                    **{name: value for name, value in found.items() if name != "targets"},
                }


def _modelled(mine: Document, theirs: Document) -> Iterator[dict[str, Any]]:
    for key, one in mine.items():
        other = theirs.get(key)
        if other is None or one["basis"] == "measured" or one["value"] == other["value"]:
            continue
        lows, highs = ([each.get(end, each["value"]) for each in (one, other)] for end in ("low", "high"))
        yield {
            "figure": key,
            "unit": one["unit"],
            "basis": one["basis"],
            "values": [one["value"], other["value"]],
            "lows": lows,
            "highs": highs,
            "ratio": other["value"] / one["value"] if one["value"] else None,
            "larger_than_range": highs[0] < lows[1] or highs[1] < lows[0],
        }


def _pairs(mine: Sequence[Document], theirs: Sequence[Document]) -> Iterator[tuple[Document, Document]]:
    """Runs of the same kind, in their order; two lone runs whatever they are."""
    if len(mine) == len(theirs) == 1:
        yield mine[0], theirs[0]
        return
    left = list(theirs)
    for one in mine:
        other = next((run for run in left if _kind(run) == _kind(one)), None)
        if other is not None:
            left.remove(other)
            yield one, other


def _targets(one: Document, other: Document) -> Iterator[tuple[Document, Document]]:
    """Targets of one name; two lone targets whatever they are called."""
    mine, theirs = one["targets"], other["targets"]
    if len(mine) == len(theirs) == 1:
        yield mine[0], theirs[0]
        return
    named = {target["name"]: target for target in theirs}
    for target in mine:
        if target["name"] in named:
            yield target, named[target["name"]]


def _without(mine: Sequence[Document], theirs: Sequence[Document]) -> list[str]:
    """What has no counterpart, as `scenario: target`."""
    paired = {id(left) for one, other in _pairs(mine, theirs) for left, _ in _targets(one, other)}
    return [
        f"{run['scenario']['kind']}: {target['name']}"
        for run in mine
        for target in run["targets"]
        if id(target) not in paired
    ]


def _figure(one: Mapping[str, Any]) -> Statistic:
    return Statistic(
        one["value"],
        one["unit"],
        tuple(one.get("rounds", ())),
        one["basis"],
        one.get("over", ""),
        one.get("better"),
        one.get("source", ""),
        (one["low"], one["high"]),
    )


def _kind(run: Document) -> tuple[str, bool]:
    return run["scenario"]["kind"], bool(run["scenario"].get("kill_seconds"))


def _named(one: str, other: str) -> str:
    return one if one == other else f"{one} / {other}"


def _both_report(a: Document, b: Document) -> bool:
    return {a["format"], b["format"]} == {REPORT}
