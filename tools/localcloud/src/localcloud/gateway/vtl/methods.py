"""Java's methods of texts, numbers, booleans, lists and maps, as far as templates use them.

Each takes the scope, the value and the arguments. Where Java raises an exception, RenderError is raised. A character
is a code point here, not a UTF-16 unit as in Java: an emoji has the length 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from localcloud.gateway.patterns import PatternError, compiled
from localcloud.gateway.vtl.java import at, equal, get, integer, number, text
from localcloud.gateway.vtl.scope import RenderError, Scope
from localcloud.gateway.vtl.tool import Blank, Entry, Method, Methods, Tool, table

_LITERAL = re.compile(r"(?:[^\\.\[\]{}()*+?^$|]|\\[^A-Za-z0-9])*")
_REPLACEMENT = re.compile(r"\\(?P<escaped>.)|\$(?P<number>\d)|\$\{(?P<name>\w+)\}|(?P<wrong>[\\$])", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def call(value: Any, name: str, arguments: list[Any], scope: Scope) -> Any:
    """`$value.name(arguments)`, null when there is no such method; raises RenderError."""
    signature = (name, len(arguments))
    if isinstance(value, Tool):
        scope.spend(1)
        method = value.methods.get(signature)
        result = method.call(value, *arguments) if method is not None and method.takes(arguments) else None
    else:
        scope.spend(1 + (len(value) >> 6) if isinstance(value, str) else 1)
        method = _METHODS.get(type(value), _OBJECT).get(signature) or _OBJECT.get(signature)
        result = method.call(scope, value, *arguments) if method is not None and method.takes(arguments) else None
    if isinstance(result, str):
        scope.fits(len(result))
        scope.spend(len(result) >> 6)
    elif isinstance(result, list):
        scope.spend(len(result) >> 3)
    return result


# Texts.


@lru_cache(maxsize=512)
def _literal(pattern: str) -> str | None:
    """The text that a regular expression stands for when it is no more than that."""
    return re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL) if _LITERAL.fullmatch(pattern) else None


def _replace(scope: Scope, value: str, old: str, new: str) -> str:
    scope.fits(len(value) + value.count(old) * len(new))
    return value.replace(old, new)


def _replace_matches(scope: Scope, value: str, pattern: str, replacement: str, count: int = 0) -> str:
    literal = _literal(pattern)
    if literal is not None and not count and "\\" not in replacement and "$" not in replacement:
        return _replace(scope, value, literal, replacement)
    size = len(value)

    def write(match: Any) -> str:
        nonlocal size
        scope.spend(1)
        written: str = _REPLACEMENT.sub(lambda part: _expand(part, match), replacement)
        size += len(written)
        scope.fits(size)
        return written

    replaced: str = _regex(scope, value, lambda: compiled(pattern).replace(value, write, count))
    return replaced


def _expand(part: re.Match[str], match: Any) -> str:
    if part["wrong"] is not None:
        raise RenderError(f"{part.string[:80]!r} is not a replacement: write \\\\ and \\$ for a backslash and a dollar")
    if part["escaped"] is not None:
        return str(part["escaped"])
    group = int(part["number"]) if part["number"] is not None else part["name"]
    try:
        return str(match[group] or "")
    except IndexError:
        raise RenderError(f"the replacement {part.string[:80]!r} names a group that is not there: {group}") from None


def _split(scope: Scope, value: str, pattern: str) -> list[str]:
    """As Java: no empty text for a match of nothing at the start, none at the end at all."""
    spans = _regex(scope, value, lambda: compiled(pattern).spans(value))
    parts: list[str] = []
    last = 0
    for start, end in spans:
        if end > 0:
            parts.append(value[last:start])
            last = end
    parts.append(value[last:])
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts if parts != [""] or not spans else []


def _regex(scope: Scope, value: str, use: Callable[[], Any]) -> Any:
    scope.spend(1 + (len(value) >> 3))
    try:
        return use()
    except PatternError as error:
        raise RenderError(str(error)) from error


def _part(name: str) -> Callable[..., Any]:
    """`substring` and `subList`: from an index up to another, or to the end."""

    def part(_: Scope, value: str | list[Any], begin: int, end: int | None = None) -> str | list[Any]:
        end = len(value) if end is None else end
        if not 0 <= begin <= end <= len(value):
            raise RenderError(f"{name}({begin}, {end}) is out of bounds for length {len(value)}")
        return value[begin:end]

    return part


def _parse_int(_: Scope, __: Any, source: str) -> int:
    if not _INTEGER.fullmatch(source):
        raise RenderError(f"{source[:80]!r} is not a whole number")
    return int(source)


def _trim(_: Scope, value: str) -> str:
    return value.strip("".join(map(chr, range(33))))


def _compare(_: Scope, value: str, other: str) -> int:
    """The difference of the first characters that differ, or of the lengths."""
    differences = (ord(one) - ord(two) for one, two in zip(value, other, strict=False) if one != two)
    return next(differences, len(value) - len(other))


_STRING = table(
    length=Method(lambda _, v: len(v)),
    isEmpty=Method(lambda _, v: not v),
    charAt=Method(lambda _, v, i: v[at(len(v), i)], (int,)),
    substring=(Method(_part("substring"), (int,)), Method(_part("substring"), (int, int))),
    indexOf=(Method(lambda _, v, x: v.find(x), (str,)), Method(lambda _, v, x, i: v.find(x, max(i, 0)), (str, int))),
    lastIndexOf=Method(lambda _, v, x: v.rfind(x), (str,)),
    contains=Method(lambda _, v, x: x in v, (str,)),
    startsWith=Method(lambda _, v, x: v.startswith(x), (str,)),
    endsWith=Method(lambda _, v, x: v.endswith(x), (str,)),
    equalsIgnoreCase=Method(lambda _, v, x: v.lower() == x.lower(), (str,)),
    compareTo=Method(_compare, (str,)),
    toUpperCase=Method(lambda _, v: v.upper()),
    toLowerCase=Method(lambda _, v: v.lower()),
    trim=Method(_trim),
    concat=Method(lambda _, v, x: v + x, (str,)),
    replace=Method(_replace, (str, str)),
    replaceAll=Method(_replace_matches, (str, str)),
    replaceFirst=Method(lambda s, v, p, r: _replace_matches(s, v, p, r, 1), (str, str)),
    split=Method(_split, (str,)),
    matches=Method(lambda s, v, p: _regex(s, v, lambda: compiled(p).fullmatch(v)), (str,)),
    valueOf=Method(lambda s, _, x: text(x, s), (object,)),
)

# Numbers. `parseInt` and `valueOf` are static: templates reach them through any number.

_NUMBER = table(
    intValue=Method(lambda _, v: int(v) if math.isfinite(v) else 0),
    longValue=Method(lambda _, v: int(v) if math.isfinite(v) else 0),
    doubleValue=Method(lambda _, v: float(v)),
    compareTo=Method(lambda _, v, x: (v > x) - (v < x), ((int, float),)),
    parseInt=Method(_parse_int, (str,)),
    parseLong=Method(_parse_int, (str,)),
    valueOf=Method(_parse_int, (str,)),
)


# Lists and maps.

_VOID = ""
"""What a method that returns nothing writes."""


def _clear(_: Scope, value: list[Any] | dict[str, Any]) -> str:
    value.clear()
    return _VOID


def _find(scope: Scope, value: list[Any], wanted: Any) -> int:
    for index, child in enumerate(value):
        scope.spend(1)
        if number(child) == number(wanted) and equal(child, wanted, scope):
            return index
    return -1


def _find_last(scope: Scope, value: list[Any], wanted: Any) -> int:
    index = _find(scope, value[::-1], wanted)
    return index if index < 0 else len(value) - 1 - index


def _add(_: Scope, value: list[Any], child: Any) -> bool:
    value.append(child)
    return True


def _insert(scope: Scope, value: list[Any], index: int, child: Any) -> str:
    scope.spend(len(value) >> 6)
    value.insert(index if index == len(value) else at(len(value), index), child)
    return _VOID


def _add_all(scope: Scope, value: list[Any], more: list[Any]) -> bool:
    scope.spend(len(more))
    value.extend(list(more))
    return bool(more)


def _remove(scope: Scope, value: list[Any], wanted: Any) -> Any:
    """By index when it is a number, else the first that is equal."""
    scope.spend(len(value) >> 6)
    if integer(wanted):
        return value.pop(at(len(value), wanted))
    index = _find(scope, value, wanted)
    if index >= 0:
        del value[index]
    return index >= 0


def _set(_: Scope, value: list[Any], index: int, child: Any) -> Any:
    old = value[at(len(value), index)]
    value[index] = child
    return old


_LIST = table(
    size=Method(lambda _, v: len(v)),
    isEmpty=Method(lambda _, v: not v),
    get=Method(lambda _, v, i: v[at(len(v), i)], (int,)),
    set=Method(_set, (int, object)),
    add=(Method(_add, (object,)), Method(_insert, (int, object))),
    addAll=Method(_add_all, (list,)),
    remove=Method(_remove, (object,)),
    clear=Method(_clear),
    contains=Method(lambda s, v, x: _find(s, v, x) >= 0, (object,)),
    lastIndexOf=Method(_find_last, (object,)),
    containsAll=Method(lambda s, v, xs: all(_find(s, v, x) >= 0 for x in xs), (list,)),
    indexOf=Method(_find, (object,)),
    subList=Method(_part("subList"), (int, int)),
)


# Keys of maps are texts, as JSON's are.


def _put(scope: Scope, value: dict[str, Any], key: Any, child: Any) -> Any:
    name = text(key, scope)
    old = value.get(name)
    value[name] = child
    return old


def _put_all(scope: Scope, value: dict[str, Any], more: dict[str, Any]) -> str:
    scope.spend(len(more))
    value.update(more)
    return _VOID


def _list_of(scope: Scope, items: Any) -> list[Any]:
    scope.spend(len(items))
    return list(items)


_MAP = table(
    size=Method(lambda _, v: len(v)),
    isEmpty=Method(lambda _, v: not v),
    get=Method(lambda s, v, k: get(v, text(k, s)), (object,)),
    getOrDefault=Method(lambda s, v, k, d: v.get(text(k, s), d), (object, object)),
    put=Method(_put, (object, object)),
    putAll=Method(_put_all, (dict,)),
    remove=Method(lambda s, v, k: v.pop(text(k, s), None), (object,)),
    clear=Method(_clear),
    containsKey=Method(lambda s, v, k: text(k, s) in v, (object,)),
    containsValue=Method(lambda s, v, x: _find(s, _list_of(s, v.values()), x) >= 0, (object,)),
    keySet=Method(lambda s, v: _list_of(s, v.keys())),
    values=Method(lambda s, v: _list_of(s, v.values())),
    entrySet=Method(lambda s, v: [Entry(k, x) for k, x in _list_of(s, v.items())]),
)

# Every value that is not null.


def _equals(scope: Scope, value: Any, other: Any) -> bool:
    """Java's `equals`, unlike `==`, is false for values of different types."""
    same = type(value) is type(other) or (isinstance(value, list | dict) and isinstance(other, type(value)))
    return same and equal(value, other, scope)


def _to_string(scope: Scope, value: Any) -> str | None:
    return None if value is None else text(value, scope)


_OBJECT = table(
    equals=Method(_equals, (object,)),
    toString=Method(_to_string),
)

_METHODS: dict[type, Methods] = {
    str: _STRING,
    int: _NUMBER,
    float: _NUMBER,
    list: _LIST,
    dict: _MAP,
    Blank: _MAP,
}
