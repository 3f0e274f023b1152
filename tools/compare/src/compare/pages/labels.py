"""Labels beside what they name: how wide they are, and how they keep out of each other's way."""

from __future__ import annotations

from collections.abc import Sequence

_WIDE = 0.62  # of the font's size: a mean letter of the widest of the usual fonts


def width(text: str, size: float = 12) -> float:
    """About how many pixels a text takes; rather more than less."""
    return len(text) * size * _WIDE


def short(value: float) -> str:
    """A number for an axis, where there is little room: `0.5`, `1,500`, `20k`, `3M`."""
    for least, unit, letter in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= least:
            return f"{value / unit:,.3g}{letter}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def shortened(text: str, room: float, size: float = 12) -> str:
    """The text, or as much of it as fits, with an ellipsis."""
    if width(text, size) <= room:
        return text
    return text[: max(1, int(room / (size * _WIDE)) - 1)] + "…"


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near as may be to the wanted ones, at least `gap` apart, between `low` and `high`, in the same order.

    When there is no room for all of them they stand as far apart as there is.
    """
    if not wanted:
        return []
    if len(wanted) > 1:
        gap = min(gap, (high - low) / (len(wanted) - 1))
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    # Neighbours that would touch move as one group, whose middle stays where its members' middle was.
    groups: list[list[float]] = []
    for index in order:
        groups.append([min(max(wanted[index], low), high)])
        while len(groups) > 1 and _last(groups[-2], gap, low, high) + gap > _first(groups[-1], gap, low, high):
            last = groups.pop()
            groups[-1] += last
    places = [_first(group, gap, low, high) + gap * place for group in groups for place in range(len(group))]
    found = [0.0] * len(wanted)
    for index, place in zip(order, places, strict=True):
        found[index] = place
    return found


def _first(group: Sequence[float], gap: float, low: float, high: float) -> float:
    extent = gap * (len(group) - 1)
    return max(low, min(sum(group) / len(group) - extent / 2, high - extent))


def _last(group: Sequence[float], gap: float, low: float, high: float) -> float:
    return _first(group, gap, low, high) + gap * (len(group) - 1)
