"""The map agrees with the bills, and its picture with the map."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from compare.cost import rows
from compare.cost.breakeven import break_evens
from compare.cost.comparison import compare
from compare.cost.map import BreakEvenMap, Exponents, MapRow, break_even_map
from compare.cost.map_picture import draw
from compare.cost.workload import Workload

from .model import prices

WORKLOAD = Workload(Decimal(2_600), Decimal(1))
# Halving the steps between columns leaves a place known to within so many decades.
NEAR = 6 / 24 / 2**6 + 0.01


@pytest.fixture(scope="module")
def small() -> BreakEvenMap:
    return break_even_map(WORKLOAD, rows.shipped(), grid=(25, 11))


def row_at(chart: BreakEvenMap, rate: float) -> MapRow:
    return min(chart.rows, key=lambda row: abs((row.rate or 0) - math.log10(rate)))


@pytest.mark.parametrize("rate", ["0", "1", "10"])
def test_crossings_are_the_break_evens(small: BreakEvenMap, rate: str) -> None:
    row = small.silent if rate == "0" else row_at(small, float(rate))
    exact = break_evens(Workload(Decimal(1), Decimal(rate)), rows.shipped())
    for pair, places in row.crossings.items():
        expected = [one for one in exact if {one.below.variant, one.above.variant} == set(pair.split("|"))]
        assert places == pytest.approx([math.log10(one.connections) for one in expected], abs=NEAR)
    assert [border.at for border in row.borders] == pytest.approx(
        [math.log10(one.connections) for one in exact if one.overall], abs=NEAR
    )


def test_spans_say_what_the_bills_say(small: BreakEvenMap) -> None:
    for row in (small.silent, row_at(small, 1)):
        rate = Decimal(0) if row.rate is None else Decimal(1)
        for exponent in (1.5, 2.5, 3.2, 3.6, 4.3, 5.5, 6.9):
            found = compare(Workload(Decimal(round(10**exponent)), rate), rows.shipped()).ranking
            (cheapest,) = [span.label for span in row.cheapest if span.start <= exponent < span.end]
            (certainty,) = [span.label for span in row.certainty if span.start <= exponent < span.end]
            assert (cheapest, certainty) == (found.cheapest, found.certainty)


def test_spans_cover_each_row_without_a_gap(small: BreakEvenMap) -> None:
    for row in (small.silent, *small.rows):
        for spans in (row.cheapest, row.certainty):
            assert (spans[0].start, spans[-1].end) == (1, 7)
            assert all(one.end == other.start for one, other in pairwise(spans))
            assert all(one.label != other.label for one, other in pairwise(spans))


def test_what_dominates_is_told_on_both_sides_of_a_border(small: BreakEvenMap) -> None:
    (border,) = row_at(small, 1).borders
    assert (border.left.variant, border.left.dominant) == ("lambda", "api.messages")
    assert (border.right.variant, border.right.dominant) == ("sockets", "eks.nodes")


def test_the_map_grows_to_hold_the_workload() -> None:
    wide = break_even_map(Workload(Decimal(3), Decimal(4_000)), rows.shipped(), grid=(5, 5))
    assert (wide.connections, wide.rates) == (Exponents(0, 7), Exponents(-2, 4))
    fleet = break_even_map(Workload(Decimal(10**8), Decimal("0.0001")), rows.shipped(), grid=(5, 5))
    assert (fleet.connections, fleet.rates) == (Exponents(1, 8), Exponents(-4, 3))


# The picture.


def drawn(chart: BreakEvenMap) -> ET.Element:
    return ET.fromstring(draw(chart, "256 bytes"))  # noqa: S314 - our own


def found(svg: ET.Element, tag: str, kind: str) -> list[ET.Element]:
    every = svg.iter(f"{{http://www.w3.org/2000/svg}}{tag}")
    return [one for one in every if kind in (one.get("class") or "").split()]


def test_the_picture_has_a_land_for_each_cheapest_variant_and_no_other(small: BreakEvenMap) -> None:
    svg = drawn(small)
    assert found(svg, "path", "lambda")
    assert found(svg, "path", "sockets")
    assert not found(svg, "path", "eks")
    assert [one.text for one in found(svg, "text", "name")] == ["lambda", "sockets"]


def test_the_picture_marks_the_workload_where_it_is(small: BreakEvenMap) -> None:
    (ring,) = found(drawn(small), "circle", "here")
    # 2,600 of 10 to 10,000,000 across 66 to 940 px; 1 of 0.01 to 1,000 between 562 and 62 px.
    assert float(ring.get("cx") or 0) == pytest.approx(66 + 874 * (math.log10(2_600) - 1) / 6, abs=0.1)
    assert float(ring.get("cy") or 0) == pytest.approx(562 - 500 * 2 / 5, abs=0.1)


def test_a_silent_workload_is_marked_in_the_row_of_its_own() -> None:
    silent = break_even_map(Workload(Decimal(100), Decimal(0)), rows.shipped(), grid=(7, 5))
    (ring,) = found(drawn(silent), "circle", "here")
    assert 574 < float(ring.get("cy") or 0) < 598


def test_the_picture_names_the_line_and_what_dominates_beside_it(small: BreakEvenMap) -> None:
    texts = ["".join(text.itertext()) for text in found(drawn(small), "text", "halo")]
    assert "lambda = sockets" in texts
    assert any(text.startswith("api.messages ") for text in texts)
    assert any(text.startswith("eks.nodes ") for text in texts)


def test_what_is_too_close_to_call_is_hatched_and_nothing_else(small: BreakEvenMap) -> None:
    drawings = [one.get("d") or "" for one in drawn(small).iter() if one.get("fill") == "url(#hatch)"]
    strips = [re.match(r"M([\d.]+) 574L([\d.]+) 574L", one) for one in drawings]
    hatched = [(float(one[1]), float(one[2])) for one in strips if one is not None]
    close = [(span.start, span.end) for span in small.silent.certainty if span.label == "too close to call"]
    assert close
    expected = [tuple(66 + 874 * (end - 1) / 6 for end in ends) for ends in close]
    assert [end for ends in hatched for end in ends] == pytest.approx([x for ends in expected for x in ends], abs=0.01)


def test_a_map_of_one_land_has_no_lines(tmp_path: Path) -> None:
    free = prices(
        tmp_path, {"api.message": {"value": 0}, "eks.cluster": {"value": 10**9}, "nlb.hour": {"value": 10**9}}
    )
    svg = drawn(break_even_map(Workload(Decimal(100), Decimal(0)), free, grid=(7, 5)))
    assert [one.text for one in found(svg, "text", "name")] == ["lambda"]
    assert len(found(svg, "path", "border")) == 1  # in the key
