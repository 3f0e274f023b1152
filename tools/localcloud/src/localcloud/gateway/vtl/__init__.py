"""Velocity templates (VTL) as API Gateway's mapping templates are written.

The language is that of Apache Velocity 1.7: `#set`, `#if`, `#foreach`, `#macro`, `#break`, `#stop`, comments, `#[[ ]]#`
and references with their quiet and formal forms; values behave and print as Java's do. `#include`, `#parse`,
`#evaluate` and `#define` are refused. A template is compiled once and rendered at every message:

    compile('{"id": "$context.connectionId"}').render({"context": {"connectionId": "C1="}})

A template can reach nothing but the values it is given: strings, numbers, booleans, None, lists, dicts, and objects
derived from Tool. The work of one rendering and the size of its text are limited (see `scope`).
"""

from localcloud.gateway.vtl.scope import RenderError, TemplateError
from localcloud.gateway.vtl.template import Template, compile  # noqa: A004
from localcloud.gateway.vtl.tool import Blank, Method, Methods, Tool, table

__all__ = ["Blank", "Method", "Methods", "RenderError", "Template", "TemplateError", "Tool", "compile", "table"]
