"""Turns results into what JSON carries, by the shapes of botocore's service model.

An encoder is made once for a shape and then only visits what is there. moto's serializer, which it stands in for,
looks every member of every structure up under all the names that moto's own classes might give it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

Encode = Callable[[Any], Any]


class UnexpectedError(Exception):
    """A value that is not plain data named as the model names it: for moto's serializer to deal with."""


def encoder(shape: Any) -> Encode:
    """An encoder for values of a botocore shape (None: nothing is answered). It raises UnexpectedError."""
    if shape is None:
        return _nothing
    return _encoder(shape, {})


def _encoder(shape: Any, known: dict[str, Encode]) -> Encode:
    if shape.name in known:
        return known[shape.name]

    def late(value: Any) -> Any:
        return known[shape.name](value)

    known[shape.name] = late  # shapes contain themselves: an attribute value may be a list of them
    match shape.type_name:
        case "structure":
            made = _structure({name: _encoder(member, known) for name, member in shape.members.items()})
        case "map":
            made = _map(_encoder(shape.value, known))
        case "list":
            made = _list(_encoder(shape.member, known))
        case kind:
            made = _SCALARS.get(kind, _unexpected)
    known[shape.name] = made
    return made


def _structure(members: dict[str, Encode]) -> Encode:
    def encode(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise UnexpectedError
        try:
            return {name: members[name](item) for name, item in value.items() if item is not None}
        except KeyError:
            raise UnexpectedError from None

    return encode


def _map(member: Encode) -> Encode:
    def encode(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise UnexpectedError
        return {name: member(item) for name, item in value.items()}

    return encode


def _list(member: Encode) -> Encode:
    def encode(value: Any) -> list[Any]:
        if type(value) is not list:
            raise UnexpectedError
        return [member(item) for item in value]

    return encode


def _string(value: Any) -> str:
    if type(value) is not str:
        raise UnexpectedError
    return value


def _blob(value: Any) -> str:
    if type(value) is not bytes:
        raise UnexpectedError
    return base64.b64encode(value).decode()


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise UnexpectedError
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise UnexpectedError
    return value


def _real(value: Any) -> float:
    if type(value) not in {int, float}:
        raise UnexpectedError
    return float(value)


def _unexpected(_: Any) -> Any:
    raise UnexpectedError


def _nothing(value: Any) -> dict[str, Any]:
    if value is not None:
        raise UnexpectedError
    return {}


_SCALARS: dict[str, Encode] = {
    "string": _string,
    "blob": _blob,
    "boolean": _boolean,
    "integer": _whole,
    "long": _whole,
    "float": _real,
    "double": _real,
}
