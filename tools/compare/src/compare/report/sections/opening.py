"""The verdict in words, on the first screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compare.numbers import counted
from compare.pages import blocks
from compare.pages.blocks import joined, legend, sentence
from compare.pages.markup import Markup, element


def head(document: Mapping[str, Any]) -> Markup:
    """What is compared, when, and the verdict in one sentence."""
    asked = document["asked"]
    load = ", ".join(
        (
            counted(asked["messages_per_minute"], "message") + " a minute from each connection",
            counted(asked["message_bytes"], "byte"),
            counted(asked["deliveries"], "delivery", "deliveries") + " a message",
            counted(asked["connection_minutes"], "minute") + " a connection",
        )
    )
    masthead = element(
        "p",
        element("b", "Duplex: which way to run it"),
        element("span", load),
        element("span", str(document["generated"]).replace("T", " ").replace("+00:00", " UTC")),
        class_="masthead",
    )
    headline = sentence(document["verdict"]["headline"], document["figures"], "h1")
    early = [blocks.warning("Stopped early: what follows is of the part that ran.")] if not document["complete"] else []
    return element("header", masthead, headline, *early, legend())


def points(document: Mapping[str, Any]) -> Markup:
    """Its points, each with its sentences."""
    figures = document["figures"]
    rows = [
        element(
            "div",
            element("dt", point["title"]),
            element("dd", joined(sentence(one, figures) for one in point["sentences"])),
        )
        for point in document["verdict"]["points"]
    ]
    return element("dl", *rows, class_="points")
