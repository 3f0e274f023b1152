"""Binary operators, from those that bind least to those that bind most."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from localcloud.gateway.vtl import java
from localcloud.gateway.vtl.errors import RenderError
from localcloud.gateway.vtl.scope import Scope

_LARGEST = 2**1024

Apply = Callable[[Any, Any, Scope], Any]


def _add(left: Any, right: Any, scope: Scope) -> Any:
    """The sum of numbers; texts are joined with anything."""
    if isinstance(left, str) or isinstance(right, str):
        first, second = java.text(left, scope), java.text(right, scope)
        scope.fits(len(first) + len(second))
        scope.spend((len(first) + len(second)) >> 6)
        return first + second
    return _arithmetic(lambda a, b: a + b)(left, right, scope)


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Apply:
    """An operation on numbers, null for anything else, as for a division by zero."""

    def apply(left: Any, right: Any, _: Scope) -> Any:
        if not (java.number(left) and java.number(right)):
            return None
        try:
            result = compute(left, right)
        except (ZeroDivisionError, ValueError):  # the latter for what is no number
            return None
        except OverflowError:
            return float("inf")
        if abs(result) >= _LARGEST and java.integer(result):
            raise RenderError("a number has more than 1024 bits")
        return result

    return apply


def _divide(left: Any, right: Any) -> Any:
    """Java's division: of whole numbers, towards zero."""
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: Any, right: Any) -> Any:
    """Java's remainder: it has the sign of the dividend."""
    return left - right * int(_divide(left, right))


def _comparison(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Scope], bool]:
    """A comparison of numbers, false for anything else."""
    return lambda left, right, _: java.number(left) and java.number(right) and holds(left, right)


OPERATORS: Sequence[tuple[re.Pattern[str], dict[str, Apply | bool]]] = (
    (re.compile(r"\|\||or\b"), {"||": True, "or": True}),
    (re.compile(r"&&|and\b"), {"&&": False, "and": False}),
    (
        re.compile(r"==|!=|eq\b|ne\b"),
        {
            "==": java.equal,
            "eq": java.equal,
            "!=": lambda left, right, scope: not java.equal(left, right, scope),
            "ne": lambda left, right, scope: not java.equal(left, right, scope),
        },
    ),
    (
        re.compile(r"<=|>=|<|>|le\b|ge\b|lt\b|gt\b"),
        {
            "<": (less := _comparison(lambda left, right: left < right)),
            "lt": less,
            ">": (greater := _comparison(lambda left, right: left > right)),
            "gt": greater,
            "<=": (at_most := _comparison(lambda left, right: left <= right)),
            "le": at_most,
            ">=": (at_least := _comparison(lambda left, right: left >= right)),
            "ge": at_least,
        },
    ),
    (re.compile(r"\+|-(?![0-9])"), {"+": _add, "-": _arithmetic(lambda left, right: left - right)}),
    (
        re.compile(r"[*/%]"),
        {
            "*": _arithmetic(lambda left, right: left * right),
            "/": _arithmetic(_divide),
            "%": _arithmetic(_remainder),
        },
    ),
)
"""By level: what matches an operator, and what each does; for `or` and `and`, the value that decides."""
