"""Compiling a template: its text is read once, into text and functions that write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from localcloud.gateway.vtl.expressions import NAME, Expression, Reader, Value
from localcloud.gateway.vtl.scope import RenderError, Scope, TemplateError

_LONGEST = 300 * 1024
"""API Gateway's quota for a mapping template, in bytes."""
_SPECIAL = re.compile(r"[$#\\]")
_DIRECTIVE = re.compile(rf"#(?:(?P<bare>[A-Za-z][A-Za-z0-9_]*)|\{{(?P<braced>{NAME})\}})")
_CALL = re.compile(rf"#(?P<name>{NAME})")
_UNFINISHED = re.compile(r"\$!?|#")
_SEPARATOR = re.compile(r"\s*,?\s*")
_LINE = re.compile(r"##[^\r\n]*(?:\r\n|\r|\n)?")
_MACRO = re.compile(rf"#(?:macro|\{{macro\}})\s*\(\s*({NAME})")
_WORD = re.compile(NAME)
_ENDS = frozenset({"end", "else", "elseif"})
_REFUSED = frozenset({"include", "parse", "evaluate", "define"})
_KNOWN = _ENDS | _REFUSED | {"set", "if", "foreach", "macro", "break", "stop"}
_SHADOWED = ("foreach", "velocityCount", "velocityHasNext")

Part = str | Callable[[Scope], None]
Block = Sequence[Part]


class _Break(Exception):  # noqa: N818 - control flow
    """`#break`."""


class _Stop(Exception):  # noqa: N818 - control flow
    """`#stop`."""


class Template:
    """What `compile` makes; it may be rendered any number of times, each time from the start."""

    __slots__ = ("_block",)

    def __init__(self, block: Block) -> None:
        self._block = block

    def render(self, context: Mapping[str, Any]) -> str:
        """The text for these variables, whose names have no `$`.

        Raises RenderError when the template does what Java has an exception for, or takes too much time or room.
        """
        scope = Scope(dict(context))
        try:
            with suppress(_Stop, _Break):
                _render(self._block, scope)
        except RecursionError:
            raise RenderError("the template or its input is nested too deeply") from None
        return scope.text()


def compile(template: str) -> Template:  # noqa: A001 - what it is called everywhere
    """Compile a template; raises TemplateError, which names the line."""
    if len(template.encode(errors="replace")) > _LONGEST:
        raise TemplateError(f"a mapping template has at most {_LONGEST // 1024} KB")
    return Template(_Parser(template, 1, 0, frozenset(_MACRO.findall(template))).template())


def _render(block: Block, scope: Scope) -> None:
    """Write texts and do statements in order."""
    for part in block:
        if isinstance(part, str):
            scope.write(part)
        else:
            part(scope)


class _Parser(Reader):
    """Reads one template, or a text in double quotes inside one, whose last character may be a plain `$` or `#`."""

    def __init__(self, text: str, line: int, depth: int, macros: frozenset[str], *, inner: bool = False) -> None:
        super().__init__(text, line, depth)
        self._macros = macros
        self._inner = inner

    def template(self) -> Block:
        """All of it; raises TemplateError."""
        block, end = self._block()
        if end is not None:
            self._fail(f"#{end} belongs to no #if, #foreach or #macro")
        return block

    def _interpolated(self, content: str, line: int) -> str | Value:
        block = _Parser(content, line, self._depth, self._macros, inner=True).template()
        texts = [part for part in block if isinstance(part, str)]
        if len(texts) == len(block):
            return "".join(texts)

        def value(scope: Scope) -> str:
            outer = scope.capture()
            _render(block, scope)
            return scope.release(outer)

        return value

    def _block(self) -> tuple[Block, str | None]:
        """Everything up to an #end, #else or #elseif, which is named, or up to the end of the text."""
        self._nest()
        parts: list[Part] = []
        end: str | None = None
        while self._at < len(self._text) and end is None:
            special = _SPECIAL.search(self._text, self._at)
            start = special.start() if special else len(self._text)
            if start > self._at:
                parts.append(self._text[self._at : start])
                self._at = start
            elif special is not None:
                end = self._special(special[0], parts)
        self._depth -= 1
        return _merged(parts), end

    def _special(self, first: str, parts: list[Part]) -> str | None:
        """What begins with a dollar, a hash or a backslash. Gives the name of a directive that ends a block."""
        start = self._at
        if first == "\\":
            self._escape(parts)
        elif first == "$":
            reference = self._reference()
            parts.append(self._plain() if reference is None else reference.write)
        elif self._take(_LINE):
            pass
        elif self._eat("#*"):
            self._skip("*#", "the comment #* is not closed by *#", start)
        elif self._eat("#[["):
            self._skip("]]#", "the literal text #[[ is not closed by ]]#", start)
            parts.append(self._text[start + 3 : self._at - 3])
        elif (directive := self._directive()) is not None:
            return self._statement(*directive, parts)
        else:
            parts.append(self._plain())
        return None

    def _escape(self, parts: list[Part]) -> None:
        start = self._at
        while self._eat("\\"):
            pass
        backslashes = self._at - start
        if reference := self._reference():
            parts.append(partial(reference.write_escaped, backslashes))
        elif (directive := self._directive()) is None:
            parts.append("\\" * backslashes)
        else:
            parts.append("\\" * (backslashes // 2))
            if backslashes % 2:
                parts.append(directive[0])
                self._at += len(directive[0])

    def _plain(self) -> str:
        """A dollar or a hash that stands for itself, which the last character of a template may not."""
        if not self._inner and _UNFINISHED.fullmatch(self._text, self._at):
            self._fail(f"the template ends with {self._text[self._at :]!r}, which begins nothing")
        self._at += 1
        return self._text[self._at - 1]

    def _skip(self, closing: str, complaint: str, start: int) -> None:
        end = self._text.find(closing, start + 2)
        if end < 0:
            self._fail(complaint, start)
        self._at = end + len(closing)

    def _directive(self) -> tuple[str, str] | None:
        """Source and name of a directive that begins here; other words after a hash are text."""
        match = _DIRECTIVE.match(self._text, self._at)
        if match is None:
            return None
        name = match["bare"] or match["braced"]
        if name in _KNOWN:
            return match[0], name
        call = match if match["braced"] else _CALL.match(self._text, self._at)
        name = (match["braced"] or call["name"]) if call else name
        return (call[0], name) if call and name in self._macros else None

    def _statement(self, source: str, name: str, parts: list[Part]) -> str | None:
        start = self._at
        if name in _REFUSED:
            self._fail(f"#{name} is not available in mapping templates")
        self._at += len(source)
        if name in _ENDS:
            if name != "elseif":
                self._line_end()
            return name
        match name:
            case "set":
                if parts and isinstance(parts[-1], str) and not parts[-1].strip(" \t"):
                    parts.pop()  # blanks that stand alone before a #set go with it
                parts.append(self._set())
            case "if":
                parts.append(self._if(start))
            case "foreach":
                parts.append(self._foreach(start))
            case "macro":
                parts.append(self._macro(start))
            case "break" | "stop":
                parts.append(self._leave(_Break if name == "break" else _Stop))
            case _:
                parts.append(self._macro_call(name, start))
                self._line_end()
        return None

    def _leave(self, how: type[_Break | _Stop]) -> Part:
        """`#break` or `#stop`; what may stand in brackets after it has no meaning."""
        if self._eat("("):
            self._items(")")
        self._line_end()

        def leave(_: Scope) -> None:
            raise how

        return leave

    def _set(self) -> Part:
        self._open("#set")
        target = self._reference()
        if target is None:
            self._fail("#set needs a reference, as in #set($name = 1)")
        if not self._next("="):
            self._fail("#set needs an = after its reference")
        value = self._expression().value
        self._close("#set")
        return lambda scope: target.assign(value(scope), scope)

    def _if(self, start: int) -> Part:
        branches: list[tuple[Value, Block]] = []
        otherwise: Block = ()
        end: str | None = "elseif"
        while end == "elseif":
            self._open("#elseif" if branches else "#if")
            condition = self._expression().condition()
            self._close("#if")
            block, end = self._block()
            branches.append((condition, block))
        if end == "else":
            otherwise, end = self._block()
        self._ended(end, "#if", start)

        def write(scope: Scope) -> None:
            chosen = next((block for holds, block in branches if holds(scope)), otherwise)
            _render(chosen, scope)

        return write

    def _foreach(self, start: int) -> Part:
        self._open("#foreach")
        variable = self._variable("#foreach needs a variable, as in #foreach($item in $list)")
        if not self._next("in"):
            self._fail("#foreach needs the word in after its variable")
        expression = self._expression()
        self._close("#foreach")
        block, end = self._block()
        self._ended(end, "#foreach", start)
        return partial(_loop, variable, expression, block)

    def _macro(self, start: int) -> Part:
        """`#macro(name $parameter …)`. Parameters are its own; other variables are the template's."""
        self._open("#macro")
        word = self._take(_WORD)
        if word is None:
            self._fail("#macro needs a name, as in #macro(name $parameter)")
        name, parameters = word[0], list[str]()
        while not self._last(")"):
            parameters.append(self._variable("the parameters of #macro are variables"))
        self._line_end()
        block, end = self._block()
        self._ended(end, "#macro", start)

        def call(scope: Scope, values: list[Any]) -> None:
            values += [None] * (len(parameters) - len(values))
            before = {parameter: scope.variables.get(parameter) for parameter in parameters}
            scope.enter(name)
            try:
                scope.variables.update(zip(parameters, values, strict=False))
                _render(block, scope)
            finally:
                scope.variables.update(before)
                scope.leave()

        def define(scope: Scope) -> None:
            scope.macros[name] = call

        return define

    def _macro_call(self, name: str, start: int) -> Part:
        """`#name(arguments)`, the text itself while nothing has defined the macro; missing arguments are null."""
        if not self._next("("):
            self._fail(f"the macro #{name} is called as #{name}(…)")
        arguments: list[Value] = []
        while not self._last(")"):
            arguments.append(self._operand().value)
        source = self._text[start : self._at]

        def write(scope: Scope) -> None:
            macro = scope.macros.get(name)
            if macro is None:
                scope.write(source)
            else:
                macro(scope, [argument(scope) for argument in arguments])

        return write

    def _variable(self, complaint: str) -> str:
        """The name of a plain variable."""
        variable = self._reference()
        if variable is None or variable.steps:
            self._fail(complaint)
        return variable.name

    def _last(self, closing: str) -> bool:
        """Whether the closing character comes next; else what is before the next item, a comma or blanks, is passed."""
        self._take(_SEPARATOR)
        return self._eat(closing)

    def _ended(self, end: str | None, name: str, start: int) -> None:
        if end != "end":
            self._fail(f"{name} is not closed by #end" if end is None else f"#{end} is out of place here", start)


def _loop(name: str, expression: Expression, block: Block, scope: Scope) -> None:
    """Render a block for every item of a list, or every value of a map. Afterwards its variables are what they were."""
    found = expression.value(scope)
    items = list(found.values()) if isinstance(found, dict) else list(found) if isinstance(found, list) else []
    scope.spend(len(items) >> 6)
    variables = scope.variables
    before = {shadowed: variables.get(shadowed) for shadowed in (name, *_SHADOWED)}
    try:
        for index, item in enumerate(items):
            scope.spend(1)
            more = index + 1 < len(items)
            variables[name] = item
            variables["velocityCount"] = index + 1
            variables["velocityHasNext"] = more
            variables["foreach"] = {
                "index": index,
                "count": index + 1,
                "hasNext": more,
                "first": index == 0,
                "last": not more,
                "parent": before["foreach"],
            }
            _render(block, scope)
    except _Break:
        pass
    finally:
        variables.update(before)


def _merged(parts: list[Part]) -> Block:
    """Texts that follow each other made one."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return tuple(merged)
