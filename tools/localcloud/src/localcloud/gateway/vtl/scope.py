"""What one rendering has: its variables, the text so far, and how much it may still do; and what can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_STEPS = 100_000
"""References, operations and rounds of loops, and 64 characters each of what is made of them."""
_CHARACTERS = 1024 * 1024
_DEPTH = 20


class TemplateError(ValueError):
    """A template that is not VTL; the text names the line."""


class RenderError(ValueError):
    """A template that could not be rendered with the values it was given, or took too much to render."""


class Scope:
    """One rendering."""

    __slots__ = ("_depth", "_out", "_room", "_steps", "macros", "variables")

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables
        self.macros: dict[str, Callable[[Scope, list[Any]], None]] = {}
        self._out: list[str] = []
        self._steps = _STEPS
        self._room = _CHARACTERS
        self._depth = 0

    def spend(self, steps: int) -> None:
        """Account for work; raises RenderError when there has been too much."""
        self._steps -= steps
        if self._steps < 0:
            raise RenderError(f"the template takes more than {_STEPS} steps with this input")

    def fits(self, characters: int) -> None:
        """Check the length of a text about to be made; raises RenderError when it is too long."""
        if characters > _CHARACTERS:
            raise RenderError(f"the template makes a text of more than {_CHARACTERS} characters with this input")

    def write(self, text: str) -> None:
        """Add to the text; raises RenderError when it is too long."""
        self._room -= len(text)
        if self._room < 0:
            raise RenderError(f"the template writes more than {_CHARACTERS} characters with this input")
        self._out.append(text)

    def text(self) -> str:
        """All that has been written."""
        return "".join(self._out)

    def capture(self) -> list[str]:
        """Write into a fresh text from now on, until `release` is given what this returned."""
        outer, self._out = self._out, []
        return outer

    def release(self, outer: list[str]) -> str:
        """The text written since `capture`, which does not count towards what the template writes."""
        written = "".join(self._out)
        self._out = outer
        self._room += len(written)
        self.spend(len(written) >> 6)
        return written

    def enter(self, macro: str) -> None:
        """Begin a macro call; raises RenderError when macros call each other too deeply."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise RenderError(f"macro #{macro} is nested more than {_DEPTH} calls deep")

    def leave(self) -> None:
        """End a macro call."""
        self._depth -= 1
