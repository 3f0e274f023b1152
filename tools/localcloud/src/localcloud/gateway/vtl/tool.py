"""Methods that a template may call: those of Java's values, and those of objects such as `$input` and `$util`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Method:
    """A function that is called with the object and its arguments, and the types that these arguments must have.

    As in Java, a call with other arguments finds no method; its value is null.
    """

    call: Callable[..., Any]
    types: tuple[type | tuple[type, ...], ...] = ()

    def takes(self, arguments: Sequence[Any]) -> bool:
        """Whether it can be called with these arguments, whose number is right already."""
        return all(map(isinstance, arguments, self.types))


Methods = Mapping[tuple[str, int], Method]
"""Methods by name and number of arguments."""


def table(**methods: Method | tuple[Method, ...]) -> Methods:
    """Methods under their names; a tuple holds overloads, which differ in their number of arguments."""
    return {
        (name, len(method.types)): method
        for name, overloads in methods.items()
        for method in (overloads if isinstance(overloads, tuple) else (overloads,))
    }


class Tool:
    """An object whose methods and properties are those in its tables, and no others."""

    methods: ClassVar[Methods] = {}
    properties: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}


class Entry(Tool):
    """One of a map's `entrySet()`."""

    __slots__ = ("key", "value")

    def __init__(self, key: str, value: Any) -> None:
        self.key = key
        self.value = value

    methods: ClassVar[Methods] = table(
        getKey=Method(lambda self: self.key),
        getValue=Method(lambda self: self.value),
    )
    properties: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "key": lambda self: self.key,
        "value": lambda self: self.value,
    }


class Blank(dict[str, Any]):
    """A map that gives a template the empty text for what is not in it."""
