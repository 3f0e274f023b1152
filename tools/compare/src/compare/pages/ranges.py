"""Values with their ranges, a row each: made for few rows and for the width of a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compare.pages.charts import COLOURS, Scale
from compare.pages.labels import shortened, width
from compare.pages.markup import Markup, element

_WIDTH = 304
_ROW = 40
_EDGE = 7.0


@dataclass(frozen=True, slots=True)
class RangeRow:
    """A name, its value as text, and where it lies; `rounds` are the single measurements."""

    name: str
    text: str
    value: float
    low: float
    high: float
    colour: int
    rounds: Sequence[float] = ()


def ranges(title: str, rows: Sequence[RangeRow]) -> Markup:
    """The rows on one scale from 0 under `title`."""
    top = max((max(row.high, row.value) for row in rows), default=0)
    scale = Scale(0, top or 1, _EDGE, _WIDTH - _EDGE)
    height = 24 + _ROW * len(rows)
    drawn = [element("text", title, x=0, y=13, class_="strong")]
    for index, row in enumerate(rows):
        drawn.append(_row(row, scale, 24 + _ROW * index))
    return element("svg", *drawn, class_="chart ranges", viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=title)


def _row(row: RangeRow, scale: Scale, top: float) -> Markup:
    y = top + 25.0
    colour = row.colour % COLOURS
    room = _WIDTH - width(row.text) - 12
    marks = [
        element("text", shortened(row.name, room), x=0, y=top + 14, class_=f"f{colour}"),
        element("text", row.text, x=_WIDTH - 1, y=top + 14, text_anchor="end", class_="strong"),
        element("line", x1=_EDGE, x2=_WIDTH - _EDGE, y1=y, y2=y, class_="track"),
    ]
    if row.high > row.low:
        marks.append(element("line", x1=scale(row.low), x2=scale(row.high), y1=y, y2=y, class_=f"range s{colour}"))
    marks += [element("circle", cx=scale(value), cy=y, r=2.5, class_=f"round f{colour}") for value in row.rounds]
    marks.append(element("circle", cx=scale(row.value), cy=y, r=5, class_=f"ring s{colour}"))
    return element("g", element("title", f"{row.name}: {row.text}"), *marks)
