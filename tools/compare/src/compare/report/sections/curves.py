"""The main picture: what a month costs over open connections, and where the cheapest changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from compare.pages.blocks import Size
from compare.pages.charts import Axis, Chart, Scale
from compare.pages.labels import width
from compare.pages.markup import Markup, element, path
from compare.pages.palette import colours

README: Final = Size(960, 600)
_TITLE: Final = "What a month costs, by open connections"
_LEAST: Final = 100.0  # connections at the left edge, unless fewer are asked about


def picture(cost: Mapping[str, Any], asked: Mapping[str, Any], size: Size, *, standalone: bool = False) -> Markup:
    """The SVG; one that is `standalone` has its title, style and background in it."""
    return _Picture(cost, asked, size, standalone=standalone).draw()


def note(asked: Mapping[str, Any]) -> str:
    """What the picture holds for."""
    rate = asked["messages_per_minute"]
    prices = "own prices" if asked.get("prices") else "us-east-1, on demand"
    return f"{rate:,g} {'message' if rate == 1 else 'messages'} a minute from each; {prices}; bands: low to high"


@dataclass(frozen=True, slots=True)
class _Curve:
    name: str
    colour: int
    xs: list[float]
    totals: list[float]
    lows: list[float]
    highs: list[float]

    def at(self, x: float) -> float:
        """Between points, along a straight line on the paper."""
        place = next((index for index, known in enumerate(self.xs) if known >= x), len(self.xs) - 1)
        if place == 0 or self.xs[place] == x:
            return self.totals[place]
        left, right = self.xs[place - 1], self.xs[place]
        share = math.log(x / left) / math.log(right / left)
        return float(self.totals[place - 1] ** (1 - share) * self.totals[place] ** share)


class _Picture:
    def __init__(self, cost: Mapping[str, Any], asked: Mapping[str, Any], size: Size, *, standalone: bool) -> None:
        self._cost, self._asked, self._size, self._standalone = cost, asked, size, standalone
        sizes = [float(one) for one in asked["connections"]]
        known = [float(one) for one in cost["curves"]["connections"]]
        low = max(known[0], min(_LEAST, *sizes))
        high = min(known[-1], max(sizes) * 1.6)
        kept = [index for index, one in enumerate(known) if low <= one <= high]
        names = list(cost["curves"]["totals"])
        self._colours = colours(names)
        self._curves = [
            _Curve(
                name,
                self._colours[name],
                [known[index] for index in kept],
                *([max(cost["curves"][kind][name][index], 0.01) for index in kept] for kind in _KINDS),
            )
            for name in names
        ]
        self._sizes = [one for one in sizes if low <= one <= high][: _most(size)]
        heading = 46 if standalone else 0
        self._top = heading + (60 if size.narrow else 62)
        ends = 70 if size.narrow else 86
        xs = self._curves[0].xs
        self._x = Scale(xs[0], xs[-1], 52, size.width - ends, log=True)
        self._taken: list[tuple[float, float]] = []  # heights of labels, and how far right they reach
        bottom = min(min(curve.lows) for curve in self._curves)
        top = max(max(curve.highs) for curve in self._curves)
        self._y = Scale(bottom / 1.5, top * 1.3, size.height - 42, self._top, log=True)

    def draw(self) -> Markup:
        chart = Chart(
            self._x,
            self._y,
            Axis("open connections", _count),
            Axis("", _dollars),
            self._size.width,
            self._size.height,
            _TITLE,
            standalone=self._standalone,
        )
        for part in self._parts(chart):
            chart.add(part)
        chart.ends([(one.name, one.totals[-1], one.colour) for one in self._curves])
        return chart.svg()

    def _parts(self, chart: Chart) -> Iterator[Markup]:
        if self._standalone:
            yield element("text", _TITLE, x=2, y=20, class_="title")
            yield element("text", note(self._asked), x=2, y=40)
        yield element("text", "$ a month", x=2, y=self._y.end - 8)
        for size in self._sizes:
            at = self._x(size)
            yield element("line", x1=at, x2=at, y1=self._top - 6, y2=self._y.start, class_="axis dashed thin")
        for one in self._curves:
            chart.band(one.xs, one.lows, one.highs, one.colour)
        for one in self._curves:
            points = [(self._x(x), self._y(y)) for x, y in zip(one.xs, one.totals, strict=True)]
            yield element("path", element("title", one.name), d=path(points), class_=f"line s{one.colour}")
        yield from self._answers()
        yield from self._crossings()

    def _answers(self) -> Iterator[Markup]:
        """Over each size that was asked about: the cheapest, and its bill."""
        for size in self._sizes:
            bill = self._cost["bills"].get(f"{size:.0f}")
            if bill is None:
                continue
            name = min(bill, key=lambda one: bill[one]["total"])
            at, y = self._x(size), self._y(max(bill[name]["total"], 0.01))
            colour = self._colours[name]
            yield element("circle", cx=at, cy=y, r=5, class_=f"f{colour}")
            lines = [(_count(size), "strong"), (name, f"f{colour}"), (_about(bill[name]["total"]), f"strong f{colour}")]
            if not self._size.narrow:
                lines = [(f"{_count(size)} connections", ""), (f"{name} {_about(bill[name]['total'])}", lines[2][1])]
            room = max(width(text) for text, _ in lines) / 2
            middle = min(max(at, room + 2), self._size.width - room - 2)
            for index, (text, style) in enumerate(lines):
                y = self._top - 10 - 15 * (len(lines) - index - 1)
                yield element("text", text, x=middle, y=y, text_anchor="middle", class_=f"{style} halo".strip())

    def _crossings(self) -> Iterator[Markup]:
        """Where two cost the same; those that change the cheapest of all in words, the others by number."""
        curves = {curve.name: curve for curve in self._curves}
        for one in self._cost["break_even"]:
            x = float(one["connections"])
            if not self._x.low <= x <= self._x.high or not {one["from"], one["to"]} <= set(curves):
                continue
            at, y = self._x(x), self._y(curves[one["to"]].at(x))
            words = f"{one['from']} = {one['to']} at {x:,.0f} connections ({one['low']:,.0f}-{one['high']:,.0f})"
            if one["changes_cheapest"]:
                yield from self._border(one, at, y)
            else:
                yield from self._other(one, words, at, y)

    def _other(self, one: Mapping[str, Any], words: str, at: float, y: float) -> Iterator[Markup]:
        """A ring, and over all bands its number: nothing is drawn above the dearest."""
        text = f"{one['connections']:,.0f}"
        text += "" if self._size.narrow else f": {one['from']} = {one['to']}"
        left = at - width(text) - 4
        tops = [
            self._y(high)
            for curve in self._curves
            for x, high in zip(curve.xs, curve.highs, strict=True)
            if left - 20 <= self._x(x) <= at + 20
        ]
        place = min([y, *tops]) - (10 if self._size.narrow else 8)
        while any(abs(place - other) < 14 and left < taken for other, taken in self._taken):
            place -= 15
        self._taken.append((place, at))
        yield element("line", x1=at, x2=at, y1=y, y2=place - 4, class_="leader")
        yield element("circle", element("title", words), cx=at, cy=y, r=3.5, class_="ring s4")
        yield element("text", text, x=at - 5, y=place, text_anchor="end", class_="halo")

    def _border(self, one: Mapping[str, Any], at: float, y: float) -> Iterator[Markup]:
        """A callout under the point: nothing is drawn below the cheapest."""
        down = min(y + 62, self._y.start - 56)
        low, high = (self._x(min(max(float(one[end]), self._x.low), self._x.high)) for end in ("low", "high"))
        yield element("line", x1=at, x2=at, y1=y, y2=down, class_="leader")
        yield element("line", x1=low, x2=high, y1=down, y2=down, class_="leader thick")
        yield element("circle", cx=at, cy=y, r=6, class_=f"ring s{self._colours[one['to']]}")
        lines = [
            (f"{one['connections']:,.0f} connections", "strong"),
            (f"({one['low']:,.0f}-{one['high']:,.0f}): from here", ""),
            (f"{one['to']} costs less than {one['from']}", ""),
        ]
        room = max(width(text) for text, _ in lines) / 2
        middle = min(max(at, self._x.start + room + 4), self._x.end - room)
        for index, (text, style) in enumerate(lines):
            place = down + 17 + 15 * index
            yield element("text", text, x=middle, y=place, text_anchor="middle", class_=f"{style} halo".strip())


_KINDS: Final = ("totals", "lows", "highs")


def _most(size: Size) -> int:
    """How many sizes have room over the picture."""
    return 3 if size.narrow else 5


def _count(value: float) -> str:
    return f"{value / 1e6:,g}M" if value >= 1e6 else f"{value:,.0f}"


def _dollars(value: float) -> str:
    if value >= 1e6:
        return f"${value / 1e6:g}M"
    return f"${value / 1e3:g}k" if value >= 1e3 else f"${value:g}"


def _about(value: float) -> str:
    """Three digits: the range stands beside it in the table."""
    if value >= 1e4:
        return f"${value / 1e3:.3g}k" if value < 1e6 else f"${value / 1e6:.3g}M"
    return f"${float(f'{value:.3g}'):,.0f}" if value >= 10 else f"${value:.2f}"
