"""Latency as curves: percentiles and shares, read from a run's histograms."""

from __future__ import annotations

import binascii
import math
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from hdrh.codec import HdrCookieException, HdrLengthException

from compare.load.measures import decode
from compare.pages.blocks import Size
from compare.pages.charts import Axis, Chart, Scale
from compare.pages.labels import short, shortened, width
from compare.pages.markup import Markup, element, path

_POINTS: Final = 80  # of a curve of percentiles
_BINS: Final = 24  # a decade
_ROW: Final = 56
_HALF: Final = math.log10(2)  # nines of the median


@dataclass(frozen=True, slots=True)
class Distribution:
    """One target's times of one kind, in milliseconds: `shares` by logarithmic bins, `percentiles` as (nines, ms).

    Nines are how often it is missed, as powers of ten: 1 is 90%, 2 is 99%.
    """

    name: str
    colour: int
    count: int
    percentiles: Sequence[tuple[float, float]]
    shares: Mapping[int, float]
    p50: float
    p99: float


def distribution(name: str, colour: int, encoded: str) -> Distribution | None:
    """Out of a histogram as a run's JSON has it; None when it is empty. Raises ValueError."""
    recorded = list(_recorded(encoded))
    if not recorded:
        return None
    upto = list(accumulate(times for _, times in recorded))
    count = upto[-1]
    last = math.log10(count)
    nines = sorted({0.0, last, *(last * step / _POINTS for step in range(_POINTS))})
    shares: dict[int, float] = {}
    for value, times in recorded:
        place = math.floor(math.log10(value) * _BINS)
        shares[place] = shares.get(place, 0.0) + times / count

    def at(share: float) -> float:
        """As HdrHistogram has it: the value at which so many have been counted."""
        return recorded[bisect_left(upto, max(1, int(share * count + 0.5)))][0]

    curve = [(one, at(1 - 10**-one)) for one in nines]
    return Distribution(name, colour, count, curve, shares, at(0.5), at(0.99))


def _recorded(encoded: str) -> Iterator[tuple[float, int]]:
    """Milliseconds and how often, rising; one pass, since the library's own iterators take seconds for a report."""
    try:
        histogram = decode(encoded)
    except (HdrCookieException, HdrLengthException, TypeError, binascii.Error, zlib.error) as error:
        raise ValueError(f"a histogram cannot be read: {error}") from None
    left = histogram.get_total_count()
    for index in range(histogram.counts_len):
        if left <= 0:
            return
        if times := histogram.get_count_at_index(index):
            left -= times
            value = histogram.get_highest_equivalent_value(histogram.get_value_from_index(index))
            yield max(value, 1) / 1000, times


def percentiles(title: str, found: Sequence[Distribution], bounds: tuple[float, float, float], size: Size) -> Markup:
    """Curves from the median's left to the last answer. `bounds`: least and most milliseconds, most nines."""
    low, high, nines = bounds
    ends = max(width(one.name) for one in found) + 16
    x = Scale(0, max(nines, 1), 46, size.width - min(ends, size.width * 0.28))
    y = Scale(low, high, size.height - 40, 40, log=True)
    first = [0.0] if x(_HALF) - x(0) > 36 else []
    ticks = [tick for tick in (*first, _HALF, 1, 2, 3, 4, 5, 6) if tick <= x.high]
    chart = Chart(
        x,
        y,
        Axis("percentile of answers", _percentile, ticks),
        Axis("ms", short),
        size.width,
        size.height,
        title,
    )
    chart.text(2, 13, title, style="strong")
    for one in found:
        points = [(x(nine), y(value)) for nine, value in one.percentiles]
        chart.add(element("path", element("title", one.name), d=path(points), class_=f"line s{one.colour}"))
    chart.ends([(one.name, one.percentiles[-1][1], one.colour) for one in found])
    return chart.svg()


def shares(title: str, found: Sequence[Distribution], size: Size) -> Markup:
    """How often each time was met: a row for each target, all over the same times."""
    places = [place for one in found for place in one.shares]
    low, high = 10 ** (min(places) / _BINS), 10 ** ((max(places) + 1) / _BINS)
    height = 26 + _ROW * len(found) + 40
    x = Scale(low, high, 6, size.width - 10, log=True)
    y = Scale(0, 1, height - 40, 26)
    chart = Chart(x, y, Axis("ms, logarithmic", short), Axis("", str, ()), size.width, height, title)
    for index, one in enumerate(found):
        base = 26.0 + _ROW * (index + 1)
        peak = max(one.shares.values())
        points = [(x.start, base)]
        for place in range(min(one.shares), max(one.shares) + 1):
            top = base - (_ROW - 20) * one.shares.get(place, 0.0) / peak
            left, right = (x(10 ** (edge / _BINS)) for edge in (place, place + 1))
            points += [(left, top), (right, top)]
        points.append((points[-1][0], base))
        points[0] = (points[1][0], base)
        words = f"half within {_milliseconds(one.p50)} ms, 99% within {_milliseconds(one.p99)} ms"
        chart.add(element("path", d=path(points, closed=True), class_=f"share f{one.colour}"))
        chart.add(element("line", x1=x.start, x2=x.end, y1=base, y2=base, class_="grid"))
        for value in (one.p50, one.p99):
            at = x(min(max(value, low), high))
            chart.add(element("line", x1=at, x2=at, y1=base - 9, y2=base + 3, class_=f"tick s{one.colour}"))
        room = size.width - width(words) - 20
        chart.text(6, base - _ROW + 14, shortened(one.name, room), style=f"f{one.colour} halo")
        chart.text(size.width - 10, base - _ROW + 14, words, "end", "halo")
    return chart.svg()


def bounds(found: Sequence[Distribution]) -> tuple[float, float, float]:
    """What curves beside each other share."""
    values = [value for one in found for _, value in one.percentiles]
    return min(values) / 1.15, max(values) * 1.15, max(one.percentiles[-1][0] for one in found)


def _percentile(nines: float) -> str:
    return f"{100 * (1 - 10**-nines):.6g}%"


def _milliseconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
