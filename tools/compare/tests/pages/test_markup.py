"""Elements are well-formed, whatever is put in them."""

from __future__ import annotations

from compare.pages.markup import Markup, element, path


def test_text_is_escaped_and_markup_is_not() -> None:
    assert element("p", "a < b & c", Markup("<b>d</b>")) == "<p>a &lt; b &amp; c<b>d</b></p>"


def test_attributes_are_written_as_svg_spells_them() -> None:
    assert element("text", x=1.50, y=2, class_="a", text_anchor="end", role=None) == (
        '<text x="1.5" y="2" class="a" text-anchor="end"></text>'
    )


def test_attributes_are_escaped() -> None:
    assert element("g", id='"><script>') == '<g id="&quot;&gt;&lt;script&gt;"></g>'


def test_a_path_goes_through_its_points() -> None:
    assert path([(0.0, 1.0), (2.125, 3.0)]) == "M0 1L2.12 3"
    assert path([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], closed=True) == "M0 0L1 0L1 1Z"
