"""Patterns that say what has to come back.

A pattern is a JSON value, in which `<name>` in a text stands for what was remembered under that name, or one of the
classes here, at any depth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

ID = r"[A-Za-z0-9_-]{15}="
"""The shape of the identifiers of connections, requests and messages."""

Names = dict[str, str]


@runtime_checkable
class Pattern(Protocol):
    """Says whether a value is as it should be."""

    def problem(self, value: Any, names: Names, where: str) -> str | None:
        """What is wrong with it, in a line; None when nothing is."""


@dataclass(frozen=True)
class Anything:
    """Anything."""

    def problem(self, value: Any, names: Names, where: str) -> str | None:  # noqa: ARG002
        """Nothing is wrong with it."""
        return None


ANY = Anything()


@dataclass(frozen=True)
class Text:
    """A text that a regular expression matches as a whole."""

    regex: str

    def problem(self, value: Any, names: Names, where: str) -> str | None:  # noqa: ARG002
        """Whether it is one."""
        fits = isinstance(value, str) and re.fullmatch(self.regex, value, re.DOTALL)
        return None if fits else f"{where} is {value!r}, not a text like {self.regex}"


@dataclass(frozen=True)
class Number:
    """A whole number of at least so much."""

    least: int

    def problem(self, value: Any, names: Names, where: str) -> str | None:  # noqa: ARG002
        """Whether it is one."""
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= self.least
        return None if fits else f"{where} is {value!r}, not a whole number of at least {self.least}"


@dataclass(frozen=True)
class Keep:
    """A value to remember under a name, once it matches."""

    name: str
    pattern: Any = ANY

    def problem(self, value: Any, names: Names, where: str) -> str | None:
        """Whether it matches."""
        if found := difference(self.pattern, value, names, where):
            return found
        names[self.name] = value if isinstance(value, str) else json.dumps(value)
        return None


@dataclass(frozen=True)
class Other:
    """A text that is not the remembered one."""

    name: str

    def problem(self, value: Any, names: Names, where: str) -> str | None:
        """Whether it is another."""
        return None if isinstance(value, str) and value != names[self.name] else f"{where} is {value!r} again"


@dataclass(frozen=True)
class Json:
    """A text that is JSON and, decoded, matches."""

    pattern: Any

    def problem(self, value: Any, names: Names, where: str) -> str | None:
        """Whether it is and does."""
        try:
            decoded = json.loads(value)
        except (TypeError, ValueError):
            return f"{where} is {value!r}, which is not JSON"
        return difference(self.pattern, decoded, names, where)


@dataclass(frozen=True)
class Some:
    """An object that has at least these keys; a plain one has exactly those that it names."""

    keys: Mapping[str, Any]

    def problem(self, value: Any, names: Names, where: str) -> str | None:
        """Whether it has them, with such values."""
        if not isinstance(value, dict):
            return f"{where} is {value!r}, not an object"
        if missing := [key for key in self.keys if key not in value]:
            return f"{where} has no {missing[0]!r}, only {sorted(value)}"
        return _first(self.keys, value, names, where)


def filled(text: str, names: Mapping[str, str]) -> str:
    """A text with what was remembered under `<name>` in it."""
    return re.sub(r"<(\w+)>", lambda match: names.get(match[1], match[0]), text)


def difference(pattern: Any, value: Any, names: Names, where: str = "it") -> str | None:
    """Where a value does not match a pattern, in a line; None when it does. What is to be kept goes into `names`."""
    match pattern:
        case Pattern():
            return pattern.problem(value, names, where)
        case dict() if isinstance(value, dict):
            if pattern.keys() != value.keys():
                return f"{where} has the keys {sorted(value)}, not {sorted(pattern)}"
            return _first(pattern, value, names, where)
        case list() if isinstance(value, list) and len(pattern) == len(value):
            return _first(dict(enumerate(pattern)), dict(enumerate(value)), names, where)
        case _:
            expected = filled(pattern, names) if isinstance(pattern, str) else pattern
            same = type(expected) is type(value) and expected == value
            return None if same else f"{where} is {value!r}, not {expected!r}"


def _first(pattern: Mapping[Any, Any], value: Mapping[Any, Any], names: Names, where: str) -> str | None:
    problems = (difference(inner, value[key], names, f"{where}.{key}") for key, inner in pattern.items())
    return next(filter(None, problems), None)
