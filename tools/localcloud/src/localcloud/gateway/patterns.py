r"""Regular expressions that come with a template, tried on text that comes with a message.

Such a pattern may take exponential time (`(a+)+$`), on purpose or not, and nothing can interrupt Python's own `re`.
The `regex` library stops at a deadline. It also knows what Java and ECMA 262 have and `re` has not: possessive
quantifiers, `\p{L}`, `(?<name>…)`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import regex

T = TypeVar("T")

_SECONDS = 0.1
_LONGEST = 2000


class PatternError(ValueError):
    """A regular expression that is malformed, too long, or took too long on a text."""


class Pattern:
    """A compiled pattern; each use raises PatternError after a tenth of a second."""

    __slots__ = ("_compiled", "_source")

    def __init__(self, source: str) -> None:
        """Raises PatternError when `source` is no regular expression."""
        if len(source) > _LONGEST:
            raise PatternError(f"a regular expression of {len(source)} characters is too long; limit {_LONGEST}")
        try:
            self._compiled = regex.compile(source, regex.VERSION0)
        except (regex.error, RecursionError, OverflowError, ValueError) as error:
            raise PatternError(f"{source[:80]!r} is not a regular expression: {error}") from error
        self._source = source

    def search(self, text: str) -> bool:
        """Whether the pattern occurs anywhere in `text`."""
        return bool(self._timed(lambda: self._compiled.search(text, timeout=_SECONDS)))

    def fullmatch(self, text: str) -> bool:
        """Whether the pattern matches all of `text`."""
        return bool(self._timed(lambda: self._compiled.fullmatch(text, timeout=_SECONDS)))

    def replace(self, text: str, write: Callable[[Any], str], count: int = 0) -> str:
        """`text` with every match, or the first `count`, written anew by `write`."""
        replaced: str = self._timed(lambda: self._compiled.sub(write, text, count=count, timeout=_SECONDS))
        return replaced

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the matches are, in order."""
        return self._timed(lambda: [match.span() for match in self._compiled.finditer(text, timeout=_SECONDS)])

    def _timed(self, use: Callable[[], T]) -> T:
        try:
            return use()
        except TimeoutError:
            raise PatternError(f"{self._source[:80]!r} took longer than {_SECONDS} s on one text") from None


@lru_cache(maxsize=512)
def compiled(source: str) -> Pattern:
    """The pattern of this source, compiled once; raises PatternError."""
    return Pattern(source)
