"""The map of break-evens as a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final

from compare.cost.map import BreakEvenMap, Exponents, MapRow, Span
from compare.cost.money import percent
from compare.pages import palette
from compare.pages.charts import Scale
from compare.pages.markup import Markup, element, path
from compare.variants import VARIANTS

_WIDTH, _HEIGHT = 960, 684
_LEFT, _RIGHT, _TOP, _BOTTOM = 66.0, 940.0, 62.0, 562.0
_MIDDLE: Final = (_LEFT + _RIGHT) / 2
_STRIP: Final = (574.0, 598.0)  # the row of silent connections
_CLOSE: Final = "too close to call"
_SLANT: Final = 4.2  # decades to the side that a line may go for each decade up, and still be one line
_SIDES_AT: Final = (0.15, 0.4, 0.65, 0.88)  # heights, as shares, where a border is told what dominates beside it
_LABELLED: Final = 6  # points that a line needs to be worth a name
_CLEARANCE: Final = 60.0  # around the mark of the workload
_CHARACTER: Final = 7.0  # width of one, at 12 px
_ROOM: Final = 16.0  # between a border and its texts

STYLE: Final = (
    palette.properties(".map")
    + """
.map{--land:.28;--chart:var(--page);--line:var(--text);--faint:var(--muted);
font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media (prefers-color-scheme:dark){.map{--land:.34}}
.map .back{fill:var(--chart)}
.map .land{fill-opacity:var(--land)}
"""
    + "".join(f".map .{name}{{fill:var(--s{variant.colour})}}" for name, variant in VARIANTS.items())
    + """
.map text{fill:var(--text);font-size:13px}
.map .halo{paint-order:stroke;stroke:var(--chart);stroke-opacity:.75;stroke-width:4px;stroke-linejoin:round}
.map .small{font-size:12px}
.map .faint{fill:var(--faint)}
.map .title{font-size:18px;font-weight:700}
.map .name{font-size:26px;font-weight:700}
.map .grid{stroke:var(--faint);stroke-opacity:.22}
.map .border{fill:none;stroke:var(--line);stroke-width:2.5}
.map .pair{fill:none;stroke:var(--line);stroke-width:1;stroke-dasharray:5 4;stroke-opacity:.6}
.map .stripe{stroke:var(--line);stroke-width:1.2;stroke-opacity:.55}
.map .here{fill:none;stroke:var(--line);stroke-width:2.5}
.map .dot{fill:var(--line)}
.map .cross{stroke:var(--line);stroke-opacity:.45;stroke-dasharray:2 3}
"""
)

_Place = tuple[float, float]  # in pixels


class _Frame:
    """Where exponents of connections and of messages stand in the picture."""

    def __init__(self, across: Exponents, up: Exponents) -> None:
        self.across = across
        self.up = up
        self.x = Scale(across.low, across.high, _LEFT, _RIGHT)
        self.y = Scale(up.low, up.high, _BOTTOM, _TOP)


def draw(chart: BreakEvenMap, note: str, *, here: str = "your workload") -> Markup:
    """The SVG. It stands alone: its style is in it, for light and for dark.

    `note` says what it holds for, `here` what the marked workload is.
    """
    frame = _Frame(chart.connections, chart.rates)
    x, y = _own(chart, frame)
    taken = [(x, y), (x + math.copysign(80, _MIDDLE - x), y - 16)]  # the mark of the workload, and its name
    hatch = element("path", d="M0 0V7", class_="stripe")
    return element(
        "svg",
        element("style", Markup(STYLE)),
        element("title", "Which variant is the cheapest, over connections and messages a minute"),
        element(
            "defs",
            element(
                "pattern",
                hatch,
                id="hatch",
                width=7,
                height=7,
                patternUnits="userSpaceOnUse",
                patternTransform="rotate(45)",
            ),
        ),
        element("rect", class_="back", width=_WIDTH, height=_HEIGHT),
        element("text", "Which one costs least a month", x=_LEFT, y=24, class_="title"),
        element("text", note, x=_LEFT, y=44, class_="faint"),
        *_regions(chart, frame),
        *_axes(frame),
        *_borders(chart, frame, taken),
        *_pairs(chart, frame, taken),
        *_names(chart, frame),
        *_here(chart, frame, here),
        *_key(),
        class_="map",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        xmlns="http://www.w3.org/2000/svg",
        role="img",
    )


def _regions(chart: BreakEvenMap, frame: _Frame) -> Iterator[Markup]:
    """The land of each variant, then the hatching where two are too close to call."""

    def shapes(spans: Callable[[MapRow], list[Span]]) -> Iterator[tuple[str, str]]:
        yield from _polygons(chart.rows, spans, frame)
        top, bottom = _STRIP
        for span in spans(chart.silent):
            left, right = frame.x(span.start), frame.x(span.end)
            yield span.label, path([(left, top), (right, top), (right, bottom), (left, bottom)], closed=True)

    for label, drawn in shapes(lambda row: row.cheapest):
        yield element("path", element("title", f"{label} is the cheapest here"), d=drawn, class_=f"land {label}")
    for label, drawn in shapes(lambda row: row.certainty):
        if label == _CLOSE:
            yield element("path", element("title", "too close to call"), d=drawn, fill="url(#hatch)")


def _polygons(rows: list[MapRow], spans: Callable[[MapRow], list[Span]], frame: _Frame) -> Iterator[tuple[str, str]]:
    """Rows with the same succession of labels make one polygon a label, half a row beyond its last rows."""
    half = _step(rows) / 2
    for labels, group in groupby(rows, lambda row: [span.label for span in spans(row)]):
        together = list(group)
        for place, label in enumerate(labels):
            edges = [(row.rate or 0.0, spans(row)[place]) for row in together]
            (low, first), (high, last) = edges[0], edges[-1]
            outline = [(low - half, first), *edges, (high + half, last)]
            heights = [(frame.y(frame.up.clamped(rate)), span) for rate, span in outline]
            left = [(frame.x(span.start), y) for y, span in heights]
            right = [(frame.x(span.end), y) for y, span in heights]
            yield label, path(left + right[::-1], closed=True)


def _axes(frame: _Frame) -> Iterator[Markup]:
    top, bottom = _STRIP
    for exponent in range(frame.across.low, frame.across.high + 1):
        x = frame.x(exponent)
        yield element("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="grid")
        yield element("text", _power(exponent), x=x, y=bottom + 18, text_anchor="middle")
    for exponent in range(frame.up.low, frame.up.high + 1):
        y = frame.y(exponent)
        yield element("line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, class_="grid")
        yield element("text", _power(exponent), x=_LEFT - 8, y=y + 4, text_anchor="end")
    yield element("text", "0", x=_LEFT - 8, y=(top + bottom) / 2 + 4, text_anchor="end")
    yield element("text", "open connections", x=_MIDDLE, y=bottom + 38, text_anchor="middle", class_="faint")
    across = (_TOP + _BOTTOM) / 2
    turned = f"rotate(-90 16 {across:.0f})"
    yield element(
        "text", "messages a minute from each", x=16, y=across, text_anchor="middle", transform=turned, class_="faint"
    )


def _pairs(chart: BreakEvenMap, frame: _Frame, taken: list[_Place]) -> Iterator[Markup]:
    """Where two variants break even while a third is cheaper than both."""
    for pair in chart.silent.crossings:
        for line in _chained(chart.rows, lambda row, pair=pair: _hidden(row, pair)):  # type: ignore[misc]
            points = [(frame.x(at), frame.y(rate)) for rate, at in line]
            if len(points) >= _LABELLED:
                yield element("path", d=path(points), class_="pair")
                yield _along(points, pair.replace("|", " = "), taken)
        for at in _hidden(chart.silent, pair):
            x = frame.x(at)
            yield element("line", x1=x, x2=x, y1=_STRIP[0], y2=_STRIP[1], class_="pair")


def _hidden(row: MapRow, pair: str) -> list[float]:
    shown = {border.at for border in row.borders if {border.left.variant, border.right.variant} == set(pair.split("|"))}
    return [at for at in row.crossings[pair] if not any(abs(at - other) < 1e-9 for other in shown)]


def _borders(chart: BreakEvenMap, frame: _Frame, taken: list[_Place]) -> Iterator[Markup]:
    lines = list(_chained(chart.rows, lambda row: [border.at for border in row.borders]))
    for line in lines:
        yield element("path", d=path([(frame.x(at), frame.y(rate)) for rate, at in line]), class_="border")
    for border in chart.silent.borders:
        x = frame.x(border.at)
        yield element("line", x1=x, x2=x, y1=_STRIP[0], y2=_STRIP[1], class_="border")
    for place in sorted({round(share * (len(chart.rows) - 1)) for share in _SIDES_AT}):
        yield from _beside(chart.rows[place], frame, taken)
    names = {(row.rate, border.at): border for row in chart.rows for border in row.borders}
    for line in lines:
        if len(line) >= _LABELLED:
            border = names[line[len(line) // 2]]
            points = [(frame.x(at), frame.y(rate)) for rate, at in line]
            yield _along(points, f"{border.left.variant} = {border.right.variant}", taken, strong=True)


def _beside(row: MapRow, frame: _Frame, taken: list[_Place]) -> Iterator[Markup]:
    """What dominates on each side of the borders of a row, where there is room for it."""
    y = frame.y(row.rate or 0.0)
    edges = [frame.across.low, *(border.at for border in row.borders), frame.across.high]
    for place, border in enumerate(row.borders):
        at = frame.x(border.at)
        if math.dist(taken[0], (at, y)) < _CLEARANCE:
            continue
        before, after = (abs(frame.x(edges[place + step]) - at) for step in (0, 2))
        for side, room, anchor, away in ((border.left, before, "end", -1), (border.right, after, "start", 1)):
            text = f"{side.dominant} {percent(side.share)}"
            if room > len(text) * _CHARACTER + 2 * _ROOM:
                taken += [(at + away * (_ROOM + len(text) * _CHARACTER * share), y) for share in (0.0, 0.5, 1.0)]
                yield element("text", text, x=at + away * _ROOM, y=y + 4, text_anchor=anchor, class_="small halo")


def _names(chart: BreakEvenMap, frame: _Frame) -> Iterator[Markup]:
    """Each variant's name in the middle of its widest stretch, away from the upper and lower edges."""
    inner = chart.rows[len(chart.rows) // 8 : -len(chart.rows) // 8]
    for name in VARIANTS:
        held = [
            (span.end - span.start, row.rate or 0.0, span)
            for row in inner
            for span in row.cheapest
            if span.label == name
        ]
        if not held:
            continue
        width, rate, span = max(held, key=lambda one: (round(one[0], 1), -abs(one[1] - _middle(chart.rates))))
        if width * (_RIGHT - _LEFT) / (chart.connections.high - chart.connections.low) > 16 * len(name):
            x = frame.x((span.start + span.end) / 2)
            yield element("text", name, x=x, y=frame.y(rate), text_anchor="middle", class_="name")


def _here(chart: BreakEvenMap, frame: _Frame, name: str) -> Iterator[Markup]:
    """The workload that was asked about."""
    x, y = _own(chart, frame)
    yield element("line", x1=x, x2=x, y1=_TOP, y2=_STRIP[1], class_="cross")
    yield element("line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, class_="cross")
    yield element("circle", cx=x, cy=y, r=9, class_="here")
    yield element("circle", cx=x, cy=y, r=3.5, class_="dot")
    away, anchor = (-1, "end") if x > _MIDDLE else (1, "start")
    above = -12 if y > _TOP + 40 else 22
    words = {"text_anchor": anchor, "class_": "halo", "font_weight": "700"}
    yield element("text", name, x=x + 14 * away, y=y + above, **words)


def _own(chart: BreakEvenMap, frame: _Frame) -> _Place:
    workload = chart.workload
    x = frame.x(math.log10(workload.connections))
    if not workload.rate:
        return x, (_STRIP[0] + _STRIP[1]) / 2
    return x, frame.y(frame.up.clamped(math.log10(max(float(workload.rate), 1e-9))))


def _key() -> Iterator[Markup]:
    x, y = _LEFT, _HEIGHT - 24.0
    for name in VARIANTS:
        yield element("rect", x=x, y=y, width=14, height=14, class_=f"land {name}")
        yield element("text", name, x=x + 20, y=y + 12)
        x += 36 + 8.0 * len(name)
    yield element("rect", x=x, y=y, width=14, height=14, fill="url(#hatch)")
    yield element("text", "too close to call", x=x + 20, y=y + 12)
    x += 150
    yield element("path", d=path([(x, y + 7), (x + 26, y + 7)]), class_="border")
    yield element("text", "the cheapest changes", x=x + 32, y=y + 12)
    x += 190
    yield element("path", d=path([(x, y + 7), (x + 26, y + 7)]), class_="pair")
    yield element("text", "two dearer ones cost the same", x=x + 32, y=y + 12)


def _chained(rows: list[MapRow], places: Callable[[MapRow], list[float]]) -> Iterator[list[tuple[float, float]]]:
    """Lines through the places of neighbouring rows that are near each other, as (rate, place)."""
    reach = _SLANT * _step(rows)
    open_lines: list[list[tuple[float, float]]] = []
    for row in rows:
        rate, taken = row.rate or 0.0, []
        for at in places(row):
            near = [line for line in open_lines if abs(line[-1][1] - at) < reach and line not in taken]
            line = min(near, key=lambda line: abs(line[-1][1] - at), default=[])
            line.append((rate, at))
            taken.append(line)
        yield from (line for line in open_lines if line not in taken)
        open_lines = taken
    yield from open_lines


def _along(points: list[_Place], text: str, taken: list[_Place], *, strong: bool = False) -> Markup:
    """A label that follows its line, where it is furthest from all that is `taken`."""
    inner = range(len(points) // 5 + 1, len(points) - len(points) // 5 - 1)
    place = max(inner, key=lambda one: min(math.dist(points[one], other) for other in taken))
    taken.append(points[place])
    (x1, y1), (x, y), (x2, y2) = points[place - 1], points[place], points[place + 1]
    angle = math.degrees(math.atan2(y2 - y1, x2 - x1))
    upright = angle - 180 if angle > 90 else angle + 180 if angle < -90 else angle
    return element(
        "text",
        text,
        y=-7 if strong else -5,
        transform=f"translate({x:.1f} {y:.1f}) rotate({upright:.1f})",
        text_anchor="middle",
        class_="halo" if strong else "small halo faint",
        font_weight="600" if strong else None,
    )


def _step(rows: list[MapRow]) -> float:
    """Decades between two rows."""
    return (rows[1].rate or 0.0) - (rows[0].rate or 0.0)


def _middle(axis: Exponents) -> float:
    return (axis.low + axis.high) / 2


def _power(exponent: int) -> str:
    if exponent >= 6:
        return f"{10 ** (exponent - 6):,}M"
    return f"{10**exponent:,}" if exponent >= 0 else f"{10.0**exponent:g}"
