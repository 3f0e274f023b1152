"""Which differences between targets are more than what each differs from itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from compare.numbers import number
from compare.pages import blocks
from compare.pages.markup import Markup, element

_ENOUGH: Final = 3  # rounds, as compare.load.noise has it


def told(key: str, run: Mapping[str, Any], prefix: str = "") -> Markup:
    """Of one figure, in words, after `prefix`."""
    pairs = [one for one in run.get("differences", []) if one["figure"] == key]
    if not pairs:
        return Markup("")
    if run["conditions"].get("rounds", _ENOUGH) < _ENOUGH:
        return element("p", prefix, "Too few rounds to tell a difference from noise.", class_="note")
    words = [f"{one['better']} is better than {_other(one)}{_times(one)}" for one in pairs if one["larger_than_noise"]]
    text = f"Larger than the noise: {'; '.join(words)}." if words else "No difference is larger than the noise."
    return element("p", prefix, text, class_="note")


def listed(run: Mapping[str, Any]) -> Markup:
    """All that are, with how likely chance alone would give them."""
    found = run.get("differences", [])
    rows: list[list[str]] = [
        [
            element("code", one["figure"]),
            *(f"{name} {number(value)}" for name, value in zip(one["targets"], one["values"], strict=True)),
            "" if one["ratio"] is None else f"{one['ratio']:.3g}",
            str(one["better"] or ""),
            "" if one["chance"] is None else f"{one['chance']:.0%}",
        ]
        for one in found
        if one["larger_than_noise"]
    ]
    summary = f"{len(rows)} of {len(found)} differences are larger than the noise"
    if not rows:
        return element("p", summary, ".", class_="note") if found else Markup("")
    return blocks.details(summary, blocks.table(["figure", "one", "other", "ratio", "better", "chance alone"], rows))


def _other(one: Mapping[str, Any]) -> str:
    names: Sequence[str] = one["targets"]
    return names[1] if one["better"] == names[0] else names[0]


def _times(one: Mapping[str, Any]) -> str:
    ratio = one["ratio"]
    return f", {max(ratio, 1 / ratio):.3g} times" if ratio else ""
