"""From a template's text to its nodes."""

from __future__ import annotations

import re
from dataclasses import replace

from localcloud.gateway.vtl import nodes
from localcloud.gateway.vtl.expressions import NAME, ExpressionReader

_SPECIAL = re.compile(r"[$#\\]")
_DIRECTIVE = re.compile(rf"#(?:(?P<bare>[A-Za-z][A-Za-z0-9_]*)|\{{(?P<braced>{NAME})\}})")
_CALL = re.compile(rf"#(?P<name>{NAME})")
_UNFINISHED = re.compile(r"\$!?|#")
_SEPARATOR = re.compile(r"\s*,?\s*")
_LINE = re.compile(r"##[^\r\n]*(?:\r\n|\r|\n)?")
_MACRO = re.compile(rf"#(?:macro|\{{macro\}})\s*\(\s*({NAME})")
_WORD = re.compile(NAME)
_BLOCKS = frozenset({"set", "if", "foreach", "macro"})
_ENDS = frozenset({"end", "else", "elseif"})
_REFUSED = frozenset({"include", "parse", "evaluate", "define"})
_KNOWN = _BLOCKS | _ENDS | _REFUSED | {"break", "stop"}


class Parser(ExpressionReader):
    """Reads one template, or a text in double quotes inside one."""

    def __init__(
        self,
        text: str,
        line: int = 1,
        depth: int = 0,
        macros: frozenset[str] | None = None,
        *,
        inner: bool = False,
    ) -> None:
        super().__init__(text, line, depth)
        self._inner = inner
        self._macros = frozenset(_MACRO.findall(text)) if macros is None else macros

    def template(self) -> nodes.Block:
        """All of it; raises TemplateError."""
        block, end = self._block()
        if end is not None:
            self._fail(f"#{end} belongs to no #if, #foreach or #macro")
        return block

    def _interpolated(self, content: str, line: int) -> nodes.Block:
        return Parser(content, line, self._depth, self._macros, inner=True).template()

    def _block(self) -> tuple[nodes.Block, str | None]:
        """Everything up to an #end, #else or #elseif, which is named, or up to the end of the text."""
        self._nest()
        parts: list[str | nodes.Statement] = []
        end: str | None = None
        while self._at < len(self._text) and end is None:
            special = _SPECIAL.search(self._text, self._at)
            if special is None:
                parts.append(self._text[self._at :])
                self._at = len(self._text)
                break
            if special.start() > self._at:
                parts.append(self._text[self._at : special.start()])
                self._at = special.start()
            end = self._special(parts)
        self._depth -= 1
        return _joined(parts), end

    def _special(self, parts: list[str | nodes.Statement]) -> str | None:
        """What begins with a dollar, a hash or a backslash. Gives the name of a directive that ends a block."""
        match self._text[self._at]:
            case "\\":
                self._escape(parts)
            case "$":
                parts.append(self._reference() or self._plain())
            case _:
                return self._hash(parts)
        return None

    def _escape(self, parts: list[str | nodes.Statement]) -> None:
        start = self._at
        while self._text.startswith("\\", self._at):
            self._at += 1
        backslashes = self._at - start
        if reference := self._reference():
            parts.append(replace(reference, backslashes=backslashes))
            return
        directive = self._directive()
        if directive is None:
            parts.append("\\" * backslashes)
            return
        parts.append("\\" * (backslashes // 2))
        if backslashes % 2:
            parts.append(directive[0])
            self._at += len(directive[0])

    def _hash(self, parts: list[str | nodes.Statement]) -> str | None:
        text, at = self._text, self._at
        if text.startswith("##", at):
            match = _LINE.match(text, at)
            self._at = match.end() if match else len(text)
        elif text.startswith("#*", at):
            self._at = self._after("*#", "the comment #* is not closed by *#")
        elif text.startswith("#[[", at):
            self._at = self._after("]]#", "the literal text #[[ is not closed by ]]#")
            parts.append(text[at + 3 : self._at - 3])
        elif (directive := self._directive()) is not None:
            return self._statement(*directive, parts)
        else:
            parts.append(self._plain())
        return None

    def _plain(self) -> str:
        """A dollar or a hash that stands for itself, which the last character of a template may not."""
        if not self._inner and _UNFINISHED.fullmatch(self._text, self._at):
            self._fail(f"the template ends with {self._text[self._at :]!r}, which begins nothing")
        return self._take(1)

    def _after(self, closing: str, complaint: str) -> int:
        end = self._text.find(closing, self._at + 2)
        if end < 0:
            self._fail(complaint)
        return end + len(closing)

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

    def _statement(self, source: str, name: str, parts: list[str | nodes.Statement]) -> str | None:
        start = self._at
        if name in _ENDS:
            if name != "elseif":
                self._at += len(source)
                self._line_end()
            return name
        if name in _REFUSED:
            self._fail(f"#{name} is not available in mapping templates")
        self._at += len(source)
        match name:
            case "set":
                parts[-1:] = [*filter(_not_blank, parts[-1:]), self._set()]
            case "if":
                parts.append(self._if(start))
            case "foreach":
                parts.append(self._foreach(start))
            case "macro":
                parts.append(self._macro(start))
            case "break" | "stop":
                if self._text.startswith("(", self._at):
                    self._arguments()
                parts.append(nodes.Leave(nodes.Break if name == "break" else nodes.Stop))
                self._line_end()
            case _:
                arguments = self._macro_arguments(name)
                parts.append(nodes.MacroCall(name, arguments, self._text[start : self._at]))
                self._line_end()
        return None

    def _set(self) -> nodes.Set:
        self._open("#set")
        target = self._reference()
        if target is None:
            self._fail("#set needs a reference, as in #set($name = 1)")
        self._space()
        if not self._eat("="):
            self._fail("#set needs an = after its reference")
        expression = self._expression()
        self._close("#set")
        return nodes.Set(target, expression)

    def _if(self, start: int) -> nodes.If:
        branches: list[tuple[nodes.Expression, nodes.Block]] = []
        otherwise: nodes.Block = ()
        self._open("#if")
        while True:
            condition = self._expression()
            self._close("#if")
            block, end = self._block()
            branches.append((condition, block))
            if end != "elseif":
                break
            self._at += len("#elseif") if self._text.startswith("#e", self._at) else len("#{elseif}")
            self._open("#elseif")
        if end == "else":
            otherwise, end = self._block()
        self._ended(end, "#if", start)
        return nodes.If(branches, otherwise)

    def _foreach(self, start: int) -> nodes.Foreach:
        self._open("#foreach")
        variable = self._reference()
        if variable is None or variable.steps:
            self._fail("#foreach needs a variable, as in #foreach($item in $list)")
        self._space()
        if not self._eat("in"):
            self._fail("#foreach needs the word in after its variable")
        expression = self._expression()
        self._close("#foreach")
        block, end = self._block()
        self._ended(end, "#foreach", start)
        return nodes.Foreach(variable.name, expression, block)

    def _macro(self, start: int) -> nodes.Macro:
        self._open("#macro")
        match = _WORD.match(self._text, self._at)
        if match is None:
            self._fail("#macro needs a name, as in #macro(name $parameter)")
        self._at = match.end()
        parameters = []
        while not self._separated(")"):
            parameter = self._reference()
            if parameter is None or parameter.steps:
                self._fail("the parameters of #macro are variables")
            parameters.append(parameter.name)
        self._line_end()
        block, end = self._block()
        self._ended(end, "#macro", start)
        return nodes.Macro(match[0], parameters, block)

    def _macro_arguments(self, name: str) -> list[nodes.Expression]:
        self._space()
        if not self._eat("("):
            self._fail(f"the macro #{name} is called as #{name}(…)")
        arguments: list[nodes.Expression] = []
        while not self._separated(")"):
            arguments.append(self._operand())
        return arguments

    def _separated(self, closing: str) -> bool:
        """Whether the closing character comes next; else what is before the next item, a comma or blanks, is passed."""
        match = _SEPARATOR.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._eat(closing)

    def _ended(self, end: str | None, name: str, start: int) -> None:
        if end != "end":
            self._fail(f"{name} is not closed by #end" if end is None else f"#{end} is out of place here", start)


def _joined(parts: list[str | nodes.Statement]) -> nodes.Block:
    """Texts that follow each other made one."""
    joined: list[str | nodes.Statement] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def _not_blank(part: str | nodes.Statement) -> bool:
    """Blanks that stand alone before a #set go with it."""
    return not isinstance(part, str) or bool(part.strip(" \t"))
