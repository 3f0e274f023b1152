"""A compiled template."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from localcloud.gateway.vtl import nodes
from localcloud.gateway.vtl.errors import RenderError, TemplateError
from localcloud.gateway.vtl.parser import Parser
from localcloud.gateway.vtl.scope import Scope

_LONGEST = 300 * 1024
"""API Gateway's quota for a mapping template, in bytes."""


class Template:
    """What `compile` makes; it may be rendered any number of times, each time from the start."""

    __slots__ = ("_block",)

    def __init__(self, block: nodes.Block) -> None:
        self._block = block

    def render(self, context: Mapping[str, Any]) -> str:
        """The text for these variables, whose names have no `$`.

        Raises RenderError when the template does what Java has an exception for, or takes too much time or room.
        """
        scope = Scope(dict(context), {})
        try:
            with suppress(nodes.Stop, nodes.Break):
                nodes.render(self._block, scope)
        except RecursionError:
            raise RenderError("the template or its input is nested too deeply") from None
        return scope.text()


def compile(template: str) -> Template:  # noqa: A001 - what it is called everywhere
    """Compile a template; raises TemplateError, which names the line."""
    if len(template.encode(errors="replace")) > _LONGEST:
        raise TemplateError(f"a mapping template has at most {_LONGEST // 1024} KB")
    return Template(Parser(template).template())
