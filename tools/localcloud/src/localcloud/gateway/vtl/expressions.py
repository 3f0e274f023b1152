"""Reading a template's references and expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

from localcloud.gateway.vtl import java, nodes
from localcloud.gateway.vtl.errors import TemplateError
from localcloud.gateway.vtl.operators import OPERATORS

T = TypeVar("T")

NAME = r"[A-Za-z][A-Za-z0-9_-]*"
_NESTING = 40
_REFERENCE = re.compile(rf"\$(?P<quiet>!?)(?P<brace>\{{?)(?P<name>{NAME})")
_PROPERTY = re.compile(rf"\.(?P<name>{NAME})(?P<call>\()?")
_LINE_END = re.compile(r"[ \t]*(?:\r\n|\r|\n)")
_SPACE = re.compile(r"\s*")
_NOT = re.compile(r"!|not\b")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]+")
_BOOLEAN = re.compile(r"(?:true|false)(?![A-Za-z0-9_-])")
_DOUBLE = re.compile(r'"((?:[^"]|"")*)"')
_SINGLE = re.compile(r"'((?:[^']|'')*)'")
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")


class Reader:
    """A text and how far it has been read."""

    def __init__(self, text: str, line: int, depth: int) -> None:
        self._text = text
        self._at = 0
        self._line = line
        self._depth = depth

    def _take(self, count: int) -> str:
        self._at += count
        return self._text[self._at - count : self._at]

    def _eat(self, expected: str) -> bool:
        found = self._text.startswith(expected, self._at)
        self._at += len(expected) if found else 0
        return found

    def _closes(self, closing: str) -> bool:
        """Whether the closing character comes next, after blanks."""
        self._space()
        return self._eat(closing)

    def _space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _open(self, directive: str) -> None:
        self._space()
        if not self._eat("("):
            self._fail(f"{directive} needs a ( after it")
        self._space()

    def _close(self, directive: str) -> None:
        self._space()
        if not self._eat(")"):
            self._fail(f"{directive} is not closed by ) before {self._text[self._at : self._at + 20]!r}")
        self._line_end()

    def _nest(self) -> None:
        """Begin something that may hold its like; its end takes one off `_depth`."""
        self._depth += 1
        if self._depth > _NESTING:
            self._fail(f"directives and expressions are nested more than {_NESTING} deep")

    def _line_end(self) -> None:
        """A directive takes the blanks and the end of its line with it."""
        match = _LINE_END.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _line_of(self, at: int) -> int:
        return self._line + self._text.count("\n", 0, at)

    def _fail(self, message: str, at: int | None = None) -> NoReturn:
        raise TemplateError(f"line {self._line_of(self._at if at is None else at)}: {message}")


class ExpressionReader(Reader):
    """Reads references and expressions by recursive descent."""

    def _reference(self) -> nodes.Reference | None:
        start = self._at
        match = _REFERENCE.match(self._text, start)
        if match is None:
            return None
        self._at = match.end()
        steps: list[nodes.Step] = []
        while True:
            if property_ := _PROPERTY.match(self._text, self._at):
                self._at = property_.end()
                if property_["call"]:
                    self._at -= 1
                    steps.append(nodes.Call(property_["name"], self._arguments()))
                else:
                    steps.append(nodes.Property(property_["name"]))
            elif self._text.startswith("[", self._at):
                self._at += 1
                steps.append(nodes.Index(self._expression()))
                if not self._closes("]"):
                    self._fail("an index is not closed by ]", start)
            else:
                break
        if match["brace"] and not self._eat("}"):
            self._fail("${ is not closed by }", start)
        return nodes.Reference(match["name"], steps, self._text[start : self._at], bool(match["quiet"]))

    def _arguments(self) -> list[nodes.Expression]:
        """`(a, b)`."""
        self._at += 1
        return self._items(")", self._expression)

    def _items(self, closing: str, read: Callable[[], T]) -> list[T]:
        """What stands between commas, up to a closing character."""
        items: list[T] = []
        if self._closes(closing):
            return items
        while True:
            items.append(read())
            if self._closes(closing):
                return items
            if not self._eat(","):
                self._fail(f"a comma or {closing} is missing before {self._text[self._at : self._at + 20]!r}")

    def _expression(self, level: int = 0) -> nodes.Expression:
        if level == 0:
            self._nest()
        if level == len(OPERATORS):
            return self._unary()
        pattern, operators = OPERATORS[level]
        left = self._expression(level + 1)
        while True:
            self._space()
            match = pattern.match(self._text, self._at)
            if match is None:
                break
            self._at = match.end()
            right = self._expression(level + 1)
            operator = operators[match[0]]
            if isinstance(operator, bool):
                left = nodes.Logic(left, right, operator)
            else:
                left = (nodes.Sum if match[0] == "+" else nodes.Operation)(left, right, operator)
        if level == 0:
            self._depth -= 1
        return left

    def _unary(self) -> nodes.Expression:
        self._space()
        negations = 0
        while match := _NOT.match(self._text, self._at):
            self._at = match.end()
            self._space()
            negations += 1
        operand = self._operand()
        for _ in range(min(negations, 2 - negations % 2)):
            operand = nodes.Not(operand)
        return operand

    def _operand(self) -> nodes.Expression:
        self._space()
        if reference := self._reference():
            return reference
        if literal := self._literal():
            return literal
        at = self._at
        if self._eat("("):
            inner = self._expression()
            if not self._closes(")"):
                self._fail("a parenthesis is not closed", at)
            return inner
        if self._eat("["):
            return self._list()
        if self._eat("{"):
            return nodes.MapOf(self._items("}", self._pair))
        found = self._text[at : at + 20]
        return self._fail(f"an expression cannot begin with {found!r}" if found else "an expression is missing")

    def _literal(self) -> nodes.Expression | None:
        text, at = self._text, self._at
        if match := _NUMBER.match(text, at):
            self._at = match.end()
            return nodes.Literal(self._integer(match[0]) if _WHOLE.fullmatch(match[0]) else float(match[0]))
        if match := _BOOLEAN.match(text, at):
            self._at = match.end()
            return nodes.Literal(match[0] == "true")
        if match := _SINGLE.match(text, at):
            self._at = match.end()
            return nodes.Literal(match[1].replace("''", "'"))
        if match := _DOUBLE.match(text, at):
            self._at = match.end()
            return self._double(match[1], at)
        return None

    def _integer(self, digits: str) -> int:
        if len(digits) > 300:
            self._fail("a number has more than 300 digits")
        return int(digits)

    def _double(self, raw: str, at: int) -> nodes.Expression:
        content = _UNICODE.sub(lambda match: chr(int(match[1], 16)), raw.replace('""', '"'))
        if "$" not in content and "#" not in content:
            return nodes.Literal(content)
        block = self._interpolated(content, self._line_of(at))
        if all(isinstance(part, str) for part in block):
            return nodes.Literal("".join(part for part in block if isinstance(part, str)))
        return nodes.Interpolated(block)

    def _interpolated(self, content: str, line: int) -> nodes.Block:
        """What a text in double quotes consists of; it is a template of its own."""
        raise NotImplementedError

    def _list(self) -> nodes.Expression:
        start = self._at
        if not self._closes("]"):
            first = self._expression()
            self._space()
            if self._eat(".."):
                return self._range(first, start)
        self._at = start
        return nodes.ListOf(self._items("]", self._expression))

    def _range(self, first: nodes.Expression, start: int) -> nodes.Range:
        last = self._expression()
        for end in (first, last):
            if not (isinstance(end, nodes.Reference) or (isinstance(end, nodes.Literal) and java.integer(end.content))):
                self._fail("a range is between whole numbers or references, as in [1..$n]", start)
        if not self._closes("]"):
            self._fail("a range is not closed by ]", start)
        return nodes.Range(first, last)

    def _pair(self) -> tuple[nodes.Expression, nodes.Expression]:
        key = self._expression()
        if not self._closes(":"):
            self._fail("a map needs a : between key and value")
        return key, self._expression()
