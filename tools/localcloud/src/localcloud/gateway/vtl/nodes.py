"""What a template consists of once it is parsed: expressions, which have a value, and statements, which write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from localcloud.gateway.vtl import java
from localcloud.gateway.vtl.errors import RenderError
from localcloud.gateway.vtl.methods import call
from localcloud.gateway.vtl.scope import Scope

_SHADOWED = ("foreach", "velocityCount", "velocityHasNext")


class Expression(Protocol):
    """Has a value."""

    def value(self, scope: Scope) -> Any:
        """The value, None for null."""


class Statement(Protocol):
    """Writes text, sets variables, or both."""

    def render(self, scope: Scope) -> None:
        """Do it; raises RenderError."""


class Break(Exception):  # noqa: N818 - control flow
    """`#break`."""


class Stop(Exception):  # noqa: N818 - control flow
    """`#stop`."""


Block = Sequence["str | Statement"]


def render(block: Block, scope: Scope) -> None:
    """Render text and statements in order."""
    for part in block:
        if isinstance(part, str):
            scope.write(part)
        else:
            part.render(scope)


# Expressions.


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a boolean, or a text with nothing to fill in."""

    content: Any

    def value(self, _: Scope) -> Any:
        """The literal."""
        return self.content


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A text in double quotes, with references or directives in it."""

    block: Block

    def value(self, scope: Scope) -> str:
        """The text with everything filled in."""
        outer = scope.capture()
        render(self.block, scope)
        return scope.release(outer)


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[1, "b", $c]`."""

    items: Sequence[Expression]

    def value(self, scope: Scope) -> list[Any]:
        """A new list."""
        scope.spend(1 + len(self.items))
        return [item.value(scope) for item in self.items]


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{"a": 1, "b": $c}`."""

    items: Sequence[tuple[Expression, Expression]]

    def value(self, scope: Scope) -> dict[str, Any]:
        """A new map."""
        scope.spend(1 + len(self.items))
        return {java.text(key.value(scope), scope): value.value(scope) for key, value in self.items}


@dataclass(frozen=True, slots=True)
class Range:
    """`[1..$n]`, downwards when the first is larger."""

    first: Expression
    last: Expression

    def value(self, scope: Scope) -> list[int] | None:
        """A new list, or null when an end is no whole number."""
        first, last = self.first.value(scope), self.last.value(scope)
        if not (java.integer(first) and java.integer(last)):
            return None
        scope.spend(1 + abs(first - last))
        return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))


@dataclass(frozen=True, slots=True)
class Property:
    """`.name`."""

    name: str

    def of(self, value: Any, _: Scope) -> Any:
        """The property of a value."""
        return java.get(value, self.name)


@dataclass(frozen=True, slots=True)
class Call:
    """`.name(arguments)`."""

    name: str
    arguments: Sequence[Expression]

    def of(self, value: Any, scope: Scope) -> Any:
        """What the method returns."""
        return call(value, self.name, [argument.value(scope) for argument in self.arguments], scope)


@dataclass(frozen=True, slots=True)
class Index:
    """`[index]`."""

    index: Expression

    def of(self, value: Any, scope: Scope) -> Any:
        """The item of a value."""
        return java.item(value, self.index.value(scope), scope)


Step = Property | Call | Index


@dataclass(frozen=True, slots=True)
class Reference:
    """`$name`, `$!name`, `${name}` and what follows: `.property`, `.method(…)`, `[index]`.

    A null reference is written as it stands in the template, or not at all when it is quiet.
    """

    name: str
    steps: Sequence[Step]
    source: str
    quiet: bool
    backslashes: int = 0
    """How many precede it: in pairs they are written as half as many, and an odd one has the source written."""

    def value(self, scope: Scope) -> Any:
        """What it refers to."""
        scope.spend(1)
        found = scope.variables.get(self.name)
        for step in self.steps:
            if found is None:
                return None
            try:
                found = step.of(found, scope)
            except RenderError as error:
                if str(error).startswith("$"):
                    raise
                raise RenderError(f"{self.source[:80]}: {error}") from error
        return found

    def render(self, scope: Scope) -> None:
        """Write what it refers to."""
        found = self.value(scope)
        if not self.backslashes:
            if found is not None:
                scope.write(found if isinstance(found, str) else java.text(found, scope))
            elif not self.quiet:
                scope.write(self.source)
        elif found is None:
            scope.write("\\" * self.backslashes + ("" if self.quiet and self.backslashes % 2 == 0 else self.source))
        else:
            text = self.source if self.backslashes % 2 else java.text(found, scope)
            scope.write("\\" * (self.backslashes // 2) + text)

    def assign(self, value: Any, scope: Scope) -> None:
        """`#set` it. As in Velocity 1.7, null is not assigned."""
        if value is None:
            return
        if not self.steps:
            scope.variables[self.name] = value
            return
        holder = Reference(self.name, self.steps[:-1], self.source, quiet=False).value(scope)
        match self.steps[-1], holder:
            case Property(name), dict():
                holder[name] = value
            case Index(index), dict():
                holder[java.text(index.value(scope), scope)] = value
            case Index(index), list():
                position = index.value(scope)
                if java.integer(position):
                    holder[java.at(len(holder), position)] = value
            case _:
                return  # nothing there can hold it


def holds(condition: Expression, scope: Scope) -> bool:
    """Whether a condition is true: a reference to anything but null and false, or what is true itself."""
    value = condition.value(scope)
    return java.true(value) if isinstance(condition, Reference) else value is True


@dataclass(frozen=True, slots=True)
class Not:
    """`!x`."""

    operand: Expression

    def value(self, scope: Scope) -> bool:
        """Whether the operand is not true."""
        return not holds(self.operand, scope)


@dataclass(frozen=True, slots=True)
class Logic:
    """`a && b` and `a || b`; the second is left alone when the first decides."""

    left: Expression
    right: Expression
    decides: bool

    def value(self, scope: Scope) -> bool:
        """True or false."""
        if holds(self.left, scope) is self.decides:
            return self.decides
        return holds(self.right, scope)


@dataclass(frozen=True, slots=True)
class Operation:
    """Two values and what is made of them."""

    left: Expression
    right: Expression
    apply: Callable[[Any, Any, Scope], Any]

    def value(self, scope: Scope) -> Any:
        """The result."""
        scope.spend(1)
        return self.apply(self.left.value(scope), self.right.value(scope), scope)


@dataclass(frozen=True, slots=True)
class Sum(Operation):
    """`a + b`, where a null reference that is joined to a text is the text that it stands as."""

    def value(self, scope: Scope) -> Any:
        """The result."""
        scope.spend(1)
        left, right = self.left.value(scope), self.right.value(scope)
        if left is None and isinstance(right, str) and isinstance(self.left, Reference):
            left = self.left.source
        elif right is None and isinstance(left, str) and isinstance(self.right, Reference):
            right = self.right.source
        return self.apply(left, right, scope)


# Statements.


@dataclass(frozen=True, slots=True)
class Set:
    """`#set($reference = expression)`."""

    target: Reference
    expression: Expression

    def render(self, scope: Scope) -> None:
        """Assign the value."""
        self.target.assign(self.expression.value(scope), scope)


@dataclass(frozen=True, slots=True)
class If:
    """`#if`, its `#elseif`s and its `#else`."""

    branches: Sequence[tuple[Expression, Block]]
    otherwise: Block

    def render(self, scope: Scope) -> None:
        """Render the first branch whose condition is true."""
        for condition, block in self.branches:
            if holds(condition, scope):
                render(block, scope)
                return
        render(self.otherwise, scope)


@dataclass(frozen=True, slots=True)
class Foreach:
    """`#foreach($name in expression)`: a list's items or a map's values."""

    name: str
    expression: Expression
    block: Block

    def render(self, scope: Scope) -> None:
        """Render the block for every item. Afterwards its variables are what they were."""
        found = self.expression.value(scope)
        items = list(found.values()) if isinstance(found, dict) else list(found) if isinstance(found, list) else []
        scope.spend(len(items) >> 6)
        variables = scope.variables
        before = {name: variables.get(name) for name in (self.name, *_SHADOWED)}
        try:
            for index, item in enumerate(items):
                scope.spend(1)
                more = index + 1 < len(items)
                variables[self.name] = item
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
                render(self.block, scope)
        except Break:
            pass
        finally:
            variables.update(before)


@dataclass(frozen=True, slots=True)
class Leave:
    """`#break` or `#stop`."""

    how: type[Break | Stop]

    def render(self, _: Scope) -> None:
        """Leave the loop or the template."""
        raise self.how


@dataclass(frozen=True, slots=True)
class Macro:
    """`#macro(name $parameter …)`. Parameters are its own; other variables are the template's."""

    name: str
    parameters: Sequence[str]
    block: Block

    def render(self, scope: Scope) -> None:
        """Define it."""
        scope.macros[self.name] = self


@dataclass(frozen=True, slots=True)
class MacroCall:
    """`#name(arguments)`; missing arguments are null."""

    name: str
    arguments: Sequence[Expression]
    source: str

    def render(self, scope: Scope) -> None:
        """Render the macro's block, or the call as it stands when nothing has defined it yet."""
        macro = scope.macros.get(self.name)
        if macro is None:
            scope.write(self.source)
            return
        values = [argument.value(scope) for argument in self.arguments]
        values += [None] * (len(macro.parameters) - len(values))
        before = {name: scope.variables.get(name) for name in macro.parameters}
        scope.enter(self.name)
        try:
            scope.variables.update(zip(macro.parameters, values, strict=False))
            render(macro.block, scope)
        finally:
            scope.variables.update(before)
            scope.leave()
