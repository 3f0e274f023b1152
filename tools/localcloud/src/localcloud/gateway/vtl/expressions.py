"""Reading a template's references and expressions, each made a function of the rendering's scope at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, TypeVar

from localcloud.gateway.vtl import java
from localcloud.gateway.vtl.methods import call
from localcloud.gateway.vtl.scope import RenderError, Scope, TemplateError

T = TypeVar("T")

NAME = r"[A-Za-z][A-Za-z0-9_-]*"
_NESTING = 40
_REFERENCE = re.compile(rf"\$(?P<quiet>!?)(?P<brace>\{{?)(?P<name>{NAME})")
_PROPERTY = re.compile(rf"\.(?P<name>{NAME})(?P<call>\()?")
_LINE_END = re.compile(r"[ \t]*(?:\r\n|\r|\n)|")
_SPACE = re.compile(r"\s*")
_NOT = re.compile(r"!|not\b")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]+")
_BOOLEAN = re.compile(r"(?:true|false)(?![A-Za-z0-9_-])")
_DOUBLE = re.compile(r'"((?:[^"]|"")*)"')
_SINGLE = re.compile(r"'((?:[^']|'')*)'")
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")
# Binary operators, from those that bind least to those that bind most.
_LEVELS = tuple(
    map(
        re.compile,
        (
            r"\|\||or\b",
            r"&&|and\b",
            r"==|!=|eq\b|ne\b",
            r"<=|>=|<|>|le\b|ge\b|lt\b|gt\b",
            r"\+|-(?![0-9])",
            r"[*/%]",
        ),
    )
)
_WORDS = {
    "or": "||",
    "and": "&&",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "ge": ">=",
}

Value = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class Expression:
    """What has a value, None for null. `source` is how a reference stands in the template, None for anything else;
    `whole` is a whole number as written."""

    value: Value
    source: str | None = None
    whole: bool = False

    def condition(self) -> Value:
        """Whether it is true: a reference to anything but null and false, or what is true itself."""
        value = self.value
        if self.source is None:
            return lambda scope: value(scope) is True
        return lambda scope: java.true(value(scope))


class Step(NamedTuple):
    """`.name`, `.name(arguments)` or `[index]`: what it is of a value, and what `#set` sets, which a call has not."""

    of: Callable[[Any, Scope], Any]
    key: Value | None
    indexes: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """`$name`, `$!name`, `${name}` and what follows.

    A null reference is written as it stands in the template, or not at all when it is quiet.
    """

    name: str
    steps: Sequence[Step]
    source: str
    quiet: bool

    def value(self, scope: Scope) -> Any:
        """What it refers to."""
        return self._follow(self.steps, scope)

    def write(self, scope: Scope) -> None:
        """Write what it refers to."""
        found = self._follow(self.steps, scope)
        if found is not None:
            scope.write(found if isinstance(found, str) else java.text(found, scope))
        elif not self.quiet:
            scope.write(self.source)

    def write_escaped(self, backslashes: int, scope: Scope) -> None:
        """Write it behind backslashes: in pairs these are half as many, and an odd one has the source written."""
        found, odd = self.value(scope), backslashes % 2
        if found is None:
            scope.write("\\" * backslashes + ("" if self.quiet and not odd else self.source))
        else:
            scope.write("\\" * (backslashes // 2) + (self.source if odd else java.text(found, scope)))

    def assign(self, value: Any, scope: Scope) -> None:
        """`#set` it. As in Velocity 1.7, null is not assigned, and what can hold nothing is left alone."""
        if value is None:
            return
        if not self.steps:
            scope.variables[self.name] = value
            return
        holder, last = self._follow(self.steps[:-1], scope), self.steps[-1]
        if last.key is None:
            return
        if isinstance(holder, dict):
            holder[java.text(last.key(scope), scope)] = value
        elif isinstance(holder, list) and last.indexes and java.integer(position := last.key(scope)):
            holder[java.at(len(holder), position)] = value

    def _follow(self, steps: Sequence[Step], scope: Scope) -> Any:
        scope.spend(1)
        found = scope.variables.get(self.name)
        for step in steps:
            if found is None:
                return None
            try:
                found = step.of(found, scope)
            except RenderError as error:
                if str(error).startswith("$"):
                    raise
                raise RenderError(f"{self.source[:80]}: {error}") from error
        return found


class Reader:
    """A text and how far it has been read; reads references and expressions by recursive descent."""

    def __init__(self, text: str, line: int, depth: int) -> None:
        self._text = text
        self._at = 0
        self._line = line
        self._depth = depth

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Pass what a pattern matches here, if it does."""
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return match

    def _eat(self, expected: str) -> bool:
        found = self._text.startswith(expected, self._at)
        self._at += len(expected) if found else 0
        return found

    def _next(self, expected: str) -> bool:
        """Whether this comes next, after blanks."""
        self._take(_SPACE)
        return self._eat(expected)

    def _open(self, directive: str) -> None:
        if not self._next("("):
            self._fail(f"{directive} needs a ( after it")
        self._take(_SPACE)

    def _close(self, directive: str) -> None:
        if not self._next(")"):
            self._fail(f"{directive} is not closed by ) before {self._text[self._at : self._at + 20]!r}")
        self._line_end()

    def _nest(self) -> None:
        """Begin something that may hold its like; its end takes one off `_depth`."""
        self._depth += 1
        if self._depth > _NESTING:
            self._fail(f"directives and expressions are nested more than {_NESTING} deep")

    def _line_end(self) -> None:
        """A directive takes the blanks and the end of its line with it."""
        self._take(_LINE_END)

    def _line_of(self, at: int) -> int:
        return self._line + self._text.count("\n", 0, at)

    def _fail(self, message: str, at: int | None = None) -> NoReturn:
        raise TemplateError(f"line {self._line_of(self._at if at is None else at)}: {message}")

    def _interpolated(self, content: str, line: int) -> str | Value:
        """A text in double quotes, which is a template of its own; itself when there is nothing to fill in."""
        raise NotImplementedError

    # References.

    def _reference(self) -> Reference | None:
        start = self._at
        match = self._take(_REFERENCE)
        if match is None:
            return None
        steps: list[Step] = []
        while True:
            if step := self._take(_PROPERTY):
                steps.append(_call(step["name"], self._items(")")) if step["call"] else _property(step["name"]))
            elif self._eat("["):
                steps.append(_index(self._expression().value))
                if not self._next("]"):
                    self._fail("an index is not closed by ]", start)
            else:
                break
        if match["brace"] and not self._eat("}"):
            self._fail("${ is not closed by }", start)
        return Reference(match["name"], steps, self._text[start : self._at], bool(match["quiet"]))

    def _items(self, closing: str) -> list[Value]:
        return self._separated(closing, lambda: self._expression().value)

    def _separated(self, closing: str, read: Callable[[], T]) -> list[T]:
        """What stands between commas, up to a closing character."""
        items: list[T] = []
        if self._next(closing):
            return items
        while True:
            items.append(read())
            if self._next(closing):
                return items
            if not self._eat(","):
                self._fail(f"a comma or {closing} is missing before {self._text[self._at : self._at + 20]!r}")

    # Expressions.

    def _expression(self) -> Expression:
        self._nest()
        expression = self._binary(0)
        self._depth -= 1
        return expression

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while True:
            self._take(_SPACE)
            match = self._take(_LEVELS[level])
            if match is None:
                return left
            left = _joined(left, _WORDS.get(match[0], match[0]), self._binary(level + 1))

    def _unary(self) -> Expression:
        self._take(_SPACE)
        negations = 0
        while self._take(_NOT):
            self._take(_SPACE)
            negations += 1
        operand = self._operand()
        if not negations:
            return operand
        holds = operand.condition()
        return Expression((lambda scope: not holds(scope)) if negations % 2 else holds)

    def _operand(self) -> Expression:
        self._take(_SPACE)
        if reference := self._reference():
            return Expression(reference.value, reference.source)
        if literal := self._literal():
            return literal
        at = self._at
        if self._eat("("):
            inner = self._expression()
            if not self._next(")"):
                self._fail("a parenthesis is not closed", at)
            return inner
        if self._eat("["):
            return self._list()
        if self._eat("{"):
            return Expression(_map_of(self._separated("}", self._pair)))
        found = self._text[at : at + 20]
        return self._fail(f"an expression cannot begin with {found!r}" if found else "an expression is missing")

    def _literal(self) -> Expression | None:
        at = self._at
        content: str | float | Value
        if match := self._take(_NUMBER):
            whole = _WHOLE.fullmatch(match[0]) is not None
            if whole and len(match[0]) > 300:
                self._fail("a number has more than 300 digits")
            number = int(match[0]) if whole else float(match[0])
            return Expression(lambda _: number, whole=whole)
        if match := self._take(_BOOLEAN):
            content = match[0] == "true"
        elif match := self._take(_SINGLE):
            content = match[1].replace("''", "'")
        elif match := self._take(_DOUBLE):
            text = _UNICODE.sub(lambda unit: chr(int(unit[1], 16)), match[1].replace('""', '"'))
            content = self._interpolated(text, self._line_of(at)) if "$" in text or "#" in text else text
        else:
            return None
        return Expression(content if callable(content) else lambda _: content)

    def _list(self) -> Expression:
        start = self._at
        if not self._next("]"):
            first = self._expression()
            if self._next(".."):
                return self._range(first, start)
        self._at = start
        items = self._items("]")

        def value(scope: Scope) -> list[Any]:
            scope.spend(1 + len(items))
            return [item(scope) for item in items]

        return Expression(value)

    def _range(self, first: Expression, start: int) -> Expression:
        last = self._expression()
        if not all(end.whole or end.source is not None for end in (first, last)):
            self._fail("a range is between whole numbers or references, as in [1..$n]", start)
        if not self._next("]"):
            self._fail("a range is not closed by ]", start)

        def value(scope: Scope) -> list[int] | None:
            begin, end = first.value(scope), last.value(scope)
            if not (java.integer(begin) and java.integer(end)):
                return None
            scope.spend(1 + abs(begin - end))
            return list(range(begin, end + 1)) if begin <= end else list(range(begin, end - 1, -1))

        return Expression(value)

    def _pair(self) -> tuple[Value, Value]:
        key = self._expression()
        if not self._next(":"):
            self._fail("a map needs a : between key and value")
        return key.value, self._expression().value


def _property(name: str) -> Step:
    return Step(lambda value, _: java.get(value, name), lambda _: name)


def _index(index: Value) -> Step:
    return Step(lambda value, scope: java.item(value, index(scope), scope), index, indexes=True)


def _call(name: str, arguments: Sequence[Value]) -> Step:
    return Step(lambda value, scope: call(value, name, [argument(scope) for argument in arguments], scope), None)


def _map_of(pairs: Sequence[tuple[Value, Value]]) -> Value:
    def value(scope: Scope) -> dict[str, Any]:
        scope.spend(1 + len(pairs))
        return {java.text(key(scope), scope): item(scope) for key, item in pairs}

    return value


def _joined(left: Expression, operator: str, right: Expression) -> Expression:
    """Two expressions with an operator between them."""
    if operator in {"&&", "||"}:
        one, other, decides = left.condition(), right.condition(), operator == "||"
        # The second operand is left alone when the first decides.
        return Expression(lambda scope: decides if one(scope) is decides else other(scope))
    apply = java.OPERATIONS[operator]

    def value(scope: Scope) -> Any:
        scope.spend(1)
        first, second = left.value(scope), right.value(scope)
        if operator == "+":  # a null reference that is joined to a text is the text that it stands as
            if first is None and isinstance(second, str):
                first = left.source
            elif second is None and isinstance(first, str):
                second = right.source
        return apply(first, second, scope)

    return Expression(value)
