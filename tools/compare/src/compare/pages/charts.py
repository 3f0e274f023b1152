"""Charts as inline SVG: axes with ticks, lines and steps, colours that hold on a light and on a dark page.

A chart refers to the CSS classes of `compare.pages.palette`, which pages have and lone charts bring.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from compare.pages import palette
from compare.pages.labels import shortened, spread
from compare.pages.markup import Markup, element, path

#: More points than a screen has columns only make the file large.
MAX_COLUMNS = 900
COLOURS = 8
_MARGIN = 16  # around a standalone chart


@dataclass(frozen=True)
class Scale:
    """From values to pixels; with `log` by powers of ten, and both ends must then be above 0."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return self.start + (at - low) / ((high - low) or 1) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values between both ends: 1, 2 or 5 times a power of ten; on a log scale powers, if there are three."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
            for factors in ((1,), (1, 2, 5)):
                found = [factor * 10.0**power for power in powers for factor in factors]
                found = [value for value in found if self.low <= value * (1 + 1e-9) and value <= self.high * (1 + 1e-9)]
                if len(found) >= 3:
                    return found
            return found
        return ticks(self.low, self.high, most)


def ticks(low: float, high: float, most: int = 6, steps: Sequence[float] = (1, 2, 5, 10)) -> list[float]:
    """At most so many round values from `low` to `high`."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(step * power for step in steps if span / (step * power) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 10) for index in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Series:
    """One line. `colour` is 0 to 7; a `stepped` one keeps its value until the next point."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: int = 0
    dashed: bool = False
    stepped: bool = True


@dataclass(frozen=True)
class Axis:
    """What an axis says: its title, how it writes a tick, and the ticks themselves when round numbers do not fit."""

    title: str
    write: Callable[[float], str]
    ticks: Sequence[float] | None = None


class Chart:
    """A drawing area with two axes; draw into it, then take `svg()`."""

    def __init__(
        self,
        x: Scale,
        y: Scale,
        x_axis: Axis,
        y_axis: Axis,
        width: int,
        height: int,
        title: str,
        *,
        standalone: bool = False,
    ) -> None:
        self.x = x
        self.y = y
        self._size = width, height
        self._title = title
        self._standalone = standalone
        self._parts: list[str] = []
        for value in y.ticks() if y_axis.ticks is None else y_axis.ticks:
            at = y(value)
            self._line(x.start, at, x.end, at, "grid")
            self.text(x.start - 6, at + 4, y_axis.write(value), "end")
        for value in x.ticks() if x_axis.ticks is None else x_axis.ticks:
            at = x(value)
            self._line(at, y.start, at, y.start + 4, "axis")
            self.text(at, y.start + 17, x_axis.write(value), "middle")
        self._line(x.start, y.start, x.end, y.start, "axis")
        self.text((x.start + x.end) / 2, height - 4, x_axis.title, "middle")
        self.text(2, y.end - 10, y_axis.title)

    def add(self, markup: str) -> None:
        """Takes SVG that is drawn elsewhere."""
        self._parts.append(markup)

    def text(self, x: float, y: float, text: str, anchor: str = "start", style: str | None = None) -> None:
        self.add(element("text", text, x=round(x, 1), y=round(y, 1), text_anchor=anchor, class_=style))

    def series(self, series: Series) -> None:
        points = thin(series.xs, series.ys)
        if not points:
            return
        path = f"M{self.x(points[0][0]):.1f} {self.y(points[0][1]):.1f}"
        for px, py in points[1:]:
            path += f"H{self.x(px):.1f}V{self.y(py):.1f}" if series.stepped else f"L{self.x(px):.1f} {self.y(py):.1f}"
        if series.stepped:
            path += f"H{self.x.end:.1f}"
        style = f"s{series.colour % COLOURS}" + (" dashed" if series.dashed else "")
        self._parts.append(f'<path class="line {style}" d="{path}"><title>{escape(series.name)}</title></path>')

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], colour: int) -> None:
        """What lies between two lines."""
        lower, upper = ([(self.x(x), self.y(y)) for x, y in zip(xs, ys, strict=True)] for ys in (lows, highs))
        self.add(element("path", d=path(upper + lower[::-1], closed=True), class_=f"band f{colour % COLOURS}"))

    def ends(self, names: Sequence[tuple[str, float, int]], gap: float = 15) -> None:
        """Names, as (name, value, colour), to the right of where lines end, without touching each other."""
        room = self._size[0] - self.x.end - 14
        wanted = [self.y(value) for _, value, _ in names]
        places = spread(wanted, gap, self.y.end, self.y.start)
        for (name, _, colour), at, place in zip(names, wanted, places, strict=True):
            if abs(at - place) > 2:
                self._line(self.x.end + 1, at, self.x.end + 8, place, "leader")
            self.text(self.x.end + 11, place + 4, shortened(name, room), style=f"f{colour % COLOURS} halo")

    def svg(self) -> Markup:
        """The whole drawing."""
        width, height = self._size
        frame = f"0 0 {width} {height}"
        parts = [Markup(part) for part in self._parts]
        own: dict[str, str] = {}
        if self._standalone:
            own["xmlns"] = "http://www.w3.org/2000/svg"
            style = palette.properties(".chart") + palette.CHART + palette.CLASSES
            around = {"x": -_MARGIN, "y": -_MARGIN, "width": width + 2 * _MARGIN, "height": height + 2 * _MARGIN}
            frame = " ".join(map(str, around.values()))
            parts[:0] = [element("style", Markup(style)), element("rect", class_="back", **around)]
        return element("svg", *parts, class_="chart", viewBox=frame, role="img", aria_label=self._title, **own)

    def _line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        self._parts.append(f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')


def lines(
    series: Sequence[Series],
    x_axis: Axis,
    y_axis: Axis,
    *,
    x_end: float,
    title: str,
    width: int = 760,
    height: int = 220,
) -> str:
    """A chart of several lines from 0 on both axes, with a legend under it as HTML."""
    top = max((max(line.ys, default=0) for line in series), default=0)
    x = Scale(0, x_end, 64, width - 16)
    y = Scale(0, max(top * 1.05, 1), height - 40, 22)
    chart = Chart(x, y, x_axis, y_axis, width, height, title)
    for line in series:
        chart.series(line)
    return chart.svg() + legend([(line.name, line.colour, line.dashed) for line in series])


def legend(entries: Sequence[tuple[str, int, bool]]) -> str:
    """Names with their colours: (name, colour, dashed)."""
    keys = [
        f'<span class="key"><svg viewBox="0 0 22 8" width="22" height="8">'
        f'<path class="line s{colour % COLOURS}{" dashed" if dashed else ""}" d="M0 4H22"/></svg> {escape(name)}</span>'
        for name, colour, dashed in entries
    ]
    return f'<div class="legend">{"".join(keys)}</div>'


def thin(xs: Sequence[float], ys: Sequence[float]) -> list[tuple[float, float]]:
    """Leaves out what cannot be seen: repeated values, and of crowded ones all but the extremes of each column."""
    changes = [index for index in range(len(ys)) if index == 0 or ys[index] != ys[index - 1]]
    if len(changes) > 2 * MAX_COLUMNS:
        span = (xs[-1] - xs[0]) / MAX_COLUMNS or 1
        columns: dict[int, list[int]] = {}
        for index in changes:
            columns.setdefault(int((xs[index] - xs[0]) / span), []).append(index)
        changes = sorted(
            {pick(column, key=lambda index: ys[index]) for column in columns.values() for pick in (min, max)}
        )
    return [(xs[index], ys[index]) for index in changes]
