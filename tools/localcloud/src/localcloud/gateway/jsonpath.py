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
_VISITS = 200_000


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
        """The value that the path leads to in a decoded JSON document, or MISSING.

        MISSING too when there would be more than 200,000 values to look at, as `..a..a..a` can make it.
        """
        if self.definite:
            for step in self.steps:
                # Written out for what every message's route is found by.
                if isinstance(step, str):
                    document = document.get(step, MISSING) if isinstance(document, dict) else MISSING
                else:
                    document = _walk(document, step)
            return document
        try:
            return _Search().all(document, self.steps)
        except _TooManyError:
            return MISSING


class _TooManyError(Exception):
    """A search takes too much work."""


class _Search:
    """Finds all that match, and counts what it looks at."""

    def __init__(self) -> None:
        self._left = _VISITS

    def all(self, document: object, steps: tuple[str | int | _Every | _Deep, ...]) -> list[object]:
        """The values that the steps lead to, in document order; raises _TooManyError."""
        values = [document]
        for step in steps:
            match step:
                case _Every():
                    values = [child for value in values for child in self._children(value)]
                case _Deep(name):
                    values = [found for value in values for found in self._named(value, name)]
                case _:
                    values = [child for value in values if (child := _walk(value, step)) is not MISSING]
        return values

    def _children(self, value: object) -> list[object]:
        children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        self._left -= 1 + len(children)
        if self._left < 0:
            raise _TooManyError
        return children

    def _named(self, value: object, name: str) -> Iterator[object]:
        """Values of a name in document order; a stack of our own, since documents may be deep."""
        stack = [value]
        while stack:
            current = stack.pop()
            if isinstance(current, dict) and name in current:
                yield current[name]
            stack.extend(reversed(self._children(current)))


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
