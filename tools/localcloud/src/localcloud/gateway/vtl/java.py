"""Values of a template, which are plain decoded JSON: how Java prints them, looks into them and computes with them.

Work is accounted for in the Scope, since a list may hold another many times over and a text may be long.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from localcloud.gateway.vtl.scope import RenderError, Scope
from localcloud.gateway.vtl.tool import Blank, Entry, Tool

_DEPTH = 100
_LARGEST = 2**1024

Operation = Callable[[Any, Any, Scope], Any]


def text(value: Any, scope: Scope) -> str:
    """A value as Java prints it: `true`, `[a, b]`, `{a=1, b=2}`, `null`."""
    if isinstance(value, str):
        return value
    if integer(value):
        return str(value)
    parts: list[str] = []
    _print(value, parts, scope, 0)
    return "".join(parts)


def equal(left: Any, right: Any, scope: Scope) -> bool:
    """`==` of Velocity: numbers by value whatever their type, everything else by its text, null only to null."""
    if left is None or right is None:
        return left is right
    if number(left) and number(right):
        return bool(left == right)
    return text(left, scope) == text(right, scope)


def true(value: Any) -> bool:
    """What `#if` makes of a value: all but null and false is true, the empty text and 0 too."""
    return value is not None and value is not False


def get(value: Any, name: str) -> Any:
    """`$value.name`."""
    if isinstance(value, dict):
        found = value.get(name)
        return "" if found is None and isinstance(value, Blank) else found
    if isinstance(value, Tool):
        property_ = value.properties.get(name)
        return None if property_ is None else property_(value)
    if name == "empty" and isinstance(value, str | list):
        return not value
    return None


def item(value: Any, index: Any, scope: Scope) -> Any:
    """`$value[index]`, where a negative index counts from a list's end; raises RenderError outside of it."""
    if isinstance(value, list) and integer(index):
        return value[at(len(value), index + len(value) if index < 0 else index)]
    if isinstance(value, dict):
        return get(value, text(index, scope))
    return None


def at(length: int, index: int) -> int:
    """An index that has to be inside; raises RenderError as Java raises IndexOutOfBoundsException."""
    if not 0 <= index < length:
        raise RenderError(f"index {index} is out of bounds for length {length}")
    return index


def number(value: Any) -> bool:
    """Whether a value is a number; booleans are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def integer(value: Any) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def _print(value: Any, parts: list[str], scope: Scope, depth: int) -> None:
    if depth > _DEPTH:
        raise RenderError(f"a value is nested more than {_DEPTH} deep and cannot be printed")
    scope.spend(1)
    match value:
        case str():
            scope.spend(len(value) >> 6)
            parts.append(value)
        case None:
            parts.append("null")
        case bool():
            parts.append("true" if value else "false")
        case float():
            parts.append(_float(value))
        case list():
            _print_all([("", child) for child in value], "[]", parts, scope, depth)
        case dict():
            _print_all([(f"{name}=", child) for name, child in value.items()], "{}", parts, scope, depth)
        case Entry():
            parts.append(f"{value.key}=")
            _print(value.value, parts, scope, depth + 1)
        case _:
            parts.append(str(value) if isinstance(value, int) else type(value).__name__)


def _print_all(children: list[tuple[str, Any]], ends: str, parts: list[str], scope: Scope, depth: int) -> None:
    parts.append(ends[0])
    for index, (label, child) in enumerate(children):
        parts.append(f", {label}" if index else label)
        _print(child, parts, scope, depth + 1)
    parts.append(ends[1])


def _float(value: float) -> str:
    """As `Double.toString` does: 0.1, 100.0, 1.0E7, 1.5E-5."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    first, *rest = map(str, digits)
    return f"{'-' if sign else ''}{first}.{''.join(rest) or '0'}E{len(rest) + int(exponent)}"


# Operators.


def _add(left: Any, right: Any, scope: Scope) -> Any:
    """The sum of numbers; texts are joined with anything."""
    if isinstance(left, str) or isinstance(right, str):
        first, second = text(left, scope), text(right, scope)
        scope.fits(len(first) + len(second))
        scope.spend((len(first) + len(second)) >> 6)
        return first + second
    return _arithmetic(lambda a, b: a + b)(left, right, scope)


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Operation:
    """An operation on numbers, null for anything else, as for a division by zero."""

    def apply(left: Any, right: Any, _: Scope) -> Any:
        if not (number(left) and number(right)):
            return None
        try:
            result = compute(left, right)
        except (ZeroDivisionError, ValueError):  # the latter for what is no number
            return None
        except OverflowError:
            return float("inf")
        if abs(result) >= _LARGEST and integer(result):
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


def _comparison(holds: Callable[[Any, Any], bool]) -> Operation:
    """A comparison of numbers, false for anything else."""
    return lambda left, right, _: number(left) and number(right) and holds(left, right)


OPERATIONS: dict[str, Operation] = {
    "==": equal,
    "!=": lambda left, right, scope: not equal(left, right, scope),
    "<": _comparison(lambda left, right: left < right),
    ">": _comparison(lambda left, right: left > right),
    "<=": _comparison(lambda left, right: left <= right),
    ">=": _comparison(lambda left, right: left >= right),
    "+": _add,
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(_divide),
    "%": _arithmetic(_remainder),
}
