"""The part of JSONPath that selection expressions, parameter mappings and mapping templates use.

Steps are `.name`, `['name']`, `[0]` (negative counts from the end), `.*` or `[*]` and `..name`. Filters, slices and
functions are refused when the path is read. A path is tried on one decoded JSON document and never fails there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

_STEP = re.compile(
    r"""
    (?P<deep>\.\.)(?P<descendant>[^.\[\]*'"()?\s]+)
    | \.(?P<name>[^.\[\]*'"()?\s]+)
    | \[(?P<index>-?\d{1,9})\]
    | \[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]
    | (?P<wildcard>\.\*|\[\*\])
    """,
    re.VERBOSE,
)
_LONGEST = 1000


class PathError(ValueError):
    """A path that is not supported; the text quotes the part."""


class Missing(Enum):
    """What a path that leads nowhere gives; JSON's null is None."""

    MISSING = "missing"


MISSING = Missing.MISSING


@dataclass(frozen=True, slots=True)
class _Every:
    """Every item of an array, or every value of an object."""


@dataclass(frozen=True, slots=True)
class _Deep:
    """Every value of this name, at any depth."""

    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path."""

    steps: tuple[str | int | _Every | _Deep, ...]
    definite: bool
    """Whether it names one value. Otherwise `find` gives the list of all that match."""

    def find(self, document: object) -> object:
        """The value that the path leads to in a decoded JSON document, or MISSING."""
        if self.definite:
            for step in self.steps:
                # Written out for what every message's route is found by.
                if isinstance(step, str):
                    document = document.get(step, MISSING) if isinstance(document, dict) else MISSING
                else:
                    document = _walk(document, step)
            return document
        values = [document]
        for step in self.steps:
            match step:
                case _Every():
                    values = [child for value in values for child in _children(value)]
                case _Deep(name):
                    values = [found for value in values for found in _named(value, name)]
                case _:
                    values = [child for value in values if (child := _walk(value, step)) is not MISSING]
        return values


def parse(text: str) -> Path:
    """Parse what follows the document in a path, as `.a[0]['b c']`; the empty path is the document itself.

    Raises PathError.
    """
    if len(text) > _LONGEST:
        raise PathError(f"a path of {len(text)} characters is too long; the limit is {_LONGEST}")
    steps: list[str | int | _Every | _Deep] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise PathError(f"the path {text[position:]!r} is not supported; use .name, ['name'], [0], [*] or ..name")
        steps.append(_step(match))
        position = match.end()
    return Path(tuple(steps), definite=all(isinstance(step, str | int) for step in steps))


@lru_cache(maxsize=1024)
def rooted(text: str) -> Path:
    """Parse a whole path such as `$.a[0]`, as templates write it; raises PathError."""
    if not text.startswith("$"):
        raise PathError(f"the path {text[:80]!r} does not begin with $")
    return parse(text[1:])


def _step(match: re.Match[str]) -> str | int | _Every | _Deep:
    if match["deep"]:
        return _Deep(match["descendant"])
    if match["wildcard"]:
        return _Every()
    if match["index"]:
        return int(match["index"])
    return match["name"] or match["key"]


def _walk(value: object, step: object) -> object:
    if isinstance(step, str):
        return value.get(step, MISSING) if isinstance(value, dict) else MISSING
    if isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
        return value[step]
    return MISSING


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _named(value: object, name: str) -> Iterator[object]:
    """Values of a name in document order; a stack of our own, since documents may be deep."""
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, dict) and name in current:
            yield current[name]
        stack.extend(reversed(_children(current)))
