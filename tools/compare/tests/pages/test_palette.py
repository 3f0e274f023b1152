"""Colours that can be read, whatever they lie on."""

from __future__ import annotations

import re

import pytest

from compare.pages.palette import DARK, LIGHT, NEUTRAL, colours, properties
from compare.variants import VARIANTS

THEMES = {"light": 0, "dark": 1}


def theme(index: int) -> dict[str, str]:
    block = properties("x").split("@media")[index]
    return dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", block))


def light(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return sum(one * weight for one, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one: str, other: str) -> float:
    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def over(colour: str, back: str, opacity: float) -> str:
    mixed = (
        round(int(colour[at : at + 2], 16) * opacity + int(back[at : at + 2], 16) * (1 - opacity)) for at in (1, 3, 5)
    )
    return "#" + "".join(f"{one:02x}" for one in mixed)


@pytest.mark.parametrize("index", THEMES.values(), ids=THEMES)
def test_every_colour_can_be_read_on_the_page(index: int) -> None:
    known = theme(index)
    for name in ("text", "muted", "link", *(f"s{number}" for number in range(len(LIGHT)))):
        for back in ("page", "card"):
            assert contrast(known[name], known[back]) >= 4.5, (name, back)
    assert contrast(known["axis"], known["page"]) >= 3


@pytest.mark.parametrize(("index", "land"), [(0, 0.28), (1, 0.34)], ids=THEMES)
def test_text_can_be_read_on_the_map(index: int, land: float) -> None:
    known = theme(index)
    for variant in VARIANTS.values():
        assert contrast(known["text"], over(known[f"s{variant.colour}"], known["page"], land)) >= 4.5


def test_a_variant_has_one_colour_and_others_have_what_is_left() -> None:
    assert colours(["ecs", "lambda", "mine", "lambda", "yours"]) == {"ecs": 3, "lambda": 0, "mine": 5, "yours": 7}
    many = colours(["sockets", *(f"target-{number}" for number in range(20))])
    assert list(many.values()).count(VARIANTS["sockets"].colour) == 1
    assert set(many.values()) == set(range(len(DARK))) - {NEUTRAL}
