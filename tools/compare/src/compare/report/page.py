"""A report, a run, or two of them, each as one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compare.cost.measured_inputs import runs
from compare.pages import blocks, html
from compare.pages.blocks import legend, sentence
from compare.pages.markup import Markup, element
from compare.pages.style import STYLE
from compare.report.ledger import text
from compare.report.pairing import paired
from compare.report.sections import facts, money, opening, pairs
from compare.report.sections.latency import described, latency
from compare.report.sections.resources import resources, throughput
from compare.report.sections.scaling import scaling

Document = Mapping[str, Any]


def page(document: Document) -> str:
    """The whole report, from a document of the form that docs/compare.md describes."""
    made = runs(document)
    measured = [latency(made), throughput(made), resources(made)] if made else []
    sections = [
        money.costs(document),
        money.bills(document),
        money.idle(document),
        money.break_even_map(document),
        *measured,
        scaling(document["scaling"]),
        facts.faults(document["faults"]),
        facts.inputs(document["inputs"]),
        facts.conditions(made),
        facts.figures(document, made),
    ]
    head = [opening.head(document), opening.points(document)]
    return _whole(text(document["verdict"]["headline"]), head, sections)


def run_page(run: Document) -> str:
    """One run of `compare run`, as docs/load.md describes its JSON."""
    title = f"{described(run)}: {', '.join(target['name'] for target in run['targets'])}"
    head = element(
        "header",
        element(
            "p",
            element("b", "Duplex: a run under load"),
            element("span", run["conditions"]["began"]),
            class_="masthead",
        ),
        element("h1", title),
    )
    return _whole(
        title, [head], [latency([run]), throughput([run]), resources([run]), facts.conditions([run]), facts.of_run(run)]
    )


def side_by_side(a: Document, b: Document, names: tuple[str, str] = ("A", "B")) -> str:
    """Two runs, two reports, or one of each: what both have, and whether it differs by more than noise."""
    found = paired(a, b, names)
    title = " beside ".join(found["names"])
    heads = [
        element("p", element("b", f"{name}: "), _told(document))
        for name, document in zip(found["names"], (a, b), strict=True)
    ]
    masthead = element("p", element("b", "Duplex: two of them side by side"), class_="masthead")
    if any("verdict" in document for document in (a, b)):
        heads.append(legend())
    head = element("header", masthead, element("h1", title), *heads)
    both = [*runs(a), *runs(b)]
    sections = [pairs.changes(found), pairs.measured(found)]
    if found["modelled"]:
        sections.append(pairs.modelled(found))
    return _whole(title, [head], [*sections, facts.conditions(both)])


def _told(document: Document) -> str | Markup:
    """A report's verdict, or a run in words."""
    if "verdict" not in document:
        return f"{described(document)}; began {document['conditions']['began']}"
    return sentence(document["verdict"]["headline"], document["figures"], "span")


def _whole(title: str, head: Sequence[Markup], sections: Sequence[blocks.Section]) -> str:
    contents = element(
        "nav", *(element("a", one.title, href=f"#{one.name}") for one in sections), aria_label="Contents"
    )
    body = [*head[:1], contents, *head[1:], *(one.markup() for one in sections)]
    return html.page(title, blocks.joined(body), style=STYLE, headed=True)
