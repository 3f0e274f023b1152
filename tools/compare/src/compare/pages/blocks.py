"""What the sections of a page are made of: marks of a number's basis, tables, figures that fit a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from compare.numbers import number
from compare.pages.markup import Markup, element

BASES: Final = {
    "measured": "measured in the run that this report is about",
    "modelled": "worked out from prices, quotas and measurements",
    "assumed": "taken as given: asked for, a default, or from the source in the table",
}


@dataclass(frozen=True, slots=True)
class Size:
    """What a drawing has to fit, in pixels."""

    width: int
    height: int

    @property
    def narrow(self) -> bool:
        return self.width < 500


PHONE: Final = Size(358, 300)


def joined(parts: Iterable[str]) -> Markup:
    """The parts one after another, each on a line of its own. All have to be markup already."""
    return Markup("\n".join(parts))


def anchor(key: str) -> str:
    """The id of a figure's row."""
    return f"figure-{key}"


def mark(basis: str) -> Markup:
    """A dot: full, half or empty."""
    kind = basis if basis in BASES else "assumed"
    return element("i", class_=f"mark {kind}", role="img", aria_label=kind, title=kind)


def legend() -> Markup:
    """What the marks mean."""
    words = [element("span", mark(name), element("b", f" {name}: "), text) for name, text in BASES.items()]
    return element("p", *words, class_="bases")


def sentence(document: Mapping[str, Any], figures: Mapping[str, Any], tag: str = "p") -> Markup:
    """A sentence in which each number leads to its row in the table, and shows its basis."""
    parts: list[str] = []
    text = str(document["text"])
    for index, (key, shown) in enumerate(zip(document["figures"], document["formatted"], strict=True)):
        before, _, text = text.partition(f"{{{index}}}")
        basis = figures[key]["basis"]
        parts += [before, element("a", str(shown), mark(basis), href=f"#{anchor(key)}", class_="number")]
    return element(tag, *parts, text)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, under a heading that the contents lead to."""

    name: str
    title: str
    body: Markup

    def markup(self) -> Markup:
        return element("section", element("h2", self.title), self.body, id=self.name)


def section(name: str, title: str, *parts: str) -> Section:
    """Of the parts, one after another."""
    return Section(name, title, joined(parts))


def warning(text: str) -> Markup:
    """What a reader must not overlook."""
    return element("p", text, class_="warning")


def lead(*text: str) -> Markup:
    return element("p", *text, class_="lead")


def captioned(title: str, note: str, basis: str, drawing: Markup) -> Markup:
    """A drawing under a line that says what it shows, and another on how to read it."""
    *words, last = title.split(" ")
    kept = element("span", last, mark(basis), class_="keep")  # so that no line begins with the mark
    heading = element("b", *(f"{word} " for word in words), kept)
    caption = element("figcaption", heading, element("span", note, class_="how") if note else "")
    return element("figure", caption, drawing)


def fitted(draw: Callable[[Size], Markup], wide: Size, narrow: Size = PHONE) -> Markup:
    """The same drawing twice, of which the page shows the one that fits."""
    return joined([element("div", draw(wide), class_="on-wide"), element("div", draw(narrow), class_="on-narrow")])


def grid(*parts: Markup) -> Markup:
    """Small drawings beside each other, as many as there is room for."""
    return element("div", *parts, class_="small-ones")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1, style: str = "") -> Markup:
    """Cells that are text or markup; the first `words` columns are text, the others numbers. It scrolls by itself."""

    def cells(tag: str, row: Sequence[str]) -> list[Markup]:
        return [element(tag, cell, class_="word" if place < words else None) for place, cell in enumerate(row)]

    head = element("thead", element("tr", *cells("th", headings)))
    body = element("tbody", *(element("tr", *cells("td", row)) for row in rows))
    return element("div", element("table", head, body), class_=f"wide {style}".strip(), tabindex="0")


def details(summary: str, *parts: str) -> Markup:
    """What is there for those who ask."""
    return element("details", element("summary", summary), joined(parts))


def with_range(value: float, low: float, high: float) -> Markup:
    """A value, and under it the range of it."""
    ends = number(low), number(high)
    span = element("span", number(value))
    return span if ends[0] == ends[1] else Markup(span + element("small", "-".join(ends)))


def cell(figure: Mapping[str, Any] | None) -> str:
    """A figure of a run, or of none, in a table."""
    return "" if figure is None else with_range(figure["value"], figure["low"], figure["high"])
