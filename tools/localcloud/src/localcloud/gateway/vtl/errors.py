"""What can be wrong with a template."""

from __future__ import annotations


class TemplateError(ValueError):
    """A template that is not VTL; the text names the line."""


class RenderError(ValueError):
    """A template that could not be rendered with the values it was given, or took too much to render."""
