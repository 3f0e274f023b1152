"""Markup, element by element, for pictures that are more than a chart."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """One element. Children that are no Markup are escaped.

    In attributes' names `_` stands for `-`, and a trailing one is dropped (`class_`). None leaves an attribute out.
    """
    written = "".join(f' {_name(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    inner = "".join(child if isinstance(child, Markup) else escape(child, quote=False) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>")


def path(points: list[tuple[float, float]], *, closed: bool = False) -> str:
    """The `d` of a path through the points."""
    drawn = "L".join(f"{_value(x)} {_value(y)}" for x, y in points)
    return f"M{drawn}{'Z' if closed else ''}"


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
