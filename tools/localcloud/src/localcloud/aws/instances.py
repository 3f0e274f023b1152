"""Lets moto forget: it remembers every object that it ever made, each version of an item too, to reset itself one day.

A test process ends before that matters; a local cloud that is left running would grow with each request.
"""

from __future__ import annotations

from typing import Any, Final

from moto.core.common_models import BaseModel

# moto declares no types here.
_model: Final[Any] = BaseModel


def install() -> None:
    """Stop remembering, in this process."""
    _model.__new__ = _new


def _new(cls: type, *_: object, **__: object) -> Any:
    return object.__new__(cls)
