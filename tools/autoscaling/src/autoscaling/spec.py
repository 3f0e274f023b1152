"""Specs from outside: strict plain objects, and one clear line when one is wrong."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, TypeVar

import msgspec

T = TypeVar("T")

#: Replica counts are int32 in the Kubernetes API.
MAX_INT32 = 2**31 - 1

Replicas = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT32)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=366 * 86400)]

_PLACE = re.compile(r" - at (?:`key` in )?`\$\.?(.*)`$")
_BYTE = re.compile(r"\(byte (\d+)\)")
_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_WRONG = re.compile(r"invalid (?:enum )?value '(.*)'", re.DOTALL)
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(|m|k|M|G|Ki|Mi|Gi)")
_SUFFIXES = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


class SpecError(Exception):
    """A spec that cannot be used. `where` is the dotted place of the field, `what` says what is wrong with it."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A plain object that is also the form in which it is written: camelCase keys, none unknown."""


def parse(raw: object, kind: type[T], where: str = "") -> T:
    """Makes a spec from decoded JSON or YAML, or raises SpecError with the place; `where` is put before it."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _explained(error, kind, where) from None


def parse_json(text: bytes, kind: type[T], where: str = "") -> T:
    """Like `parse`, from JSON text."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise _explained(error, kind, where) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        byte = _BYTE.search(str(error))
        line = text.count(b"\n", 0, int(byte[1]) if byte else len(text)) + 1
        what = str(error).removeprefix("JSON is malformed: ")
        raise SpecError(where, f"not JSON, line {line}: {what}") from None


def quantity(value: float | str) -> float:
    """A Kubernetes quantity: a number, or text such as "0.05", "50m" or "128Mi"; anything else is a ValueError."""
    if isinstance(value, str):
        found = _QUANTITY.fullmatch(value)
        if found is None:
            raise ValueError(f"not a quantity: {value!r}")
        return float(found[1]) * _SUFFIXES[found[2]]
    return value


def milli(value: float) -> int:
    """In thousandths, rounded up: how the controller computes with quantities (Quantity.MilliValue, apimachinery)."""
    if isinstance(value, int):
        return value * 1000
    thousandths = round(value * 1000, 6)  # 0.57 * 1000 is a little more than 570
    return -int(-thousandths // 1)


def _explained(error: msgspec.ValidationError, kind: type[object], where: str) -> SpecError:
    what = str(error)
    place = ""
    if found := _PLACE.search(what):
        place = found[1]
        what = what[: found.start()]
    if unknown := _UNKNOWN.match(what):
        what = f"unknown field; {_nearest(unknown[1], _names(kind, place))}"
        place = f"{place}.{unknown[1]}" if place else unknown[1]
    else:
        what = what[0].lower() + what[1:].replace("`", "")
        if wrong := _WRONG.fullmatch(what):
            what = f"{what}; {_nearest(wrong[1], _values(kind, place))}"
    return SpecError(".".join(part for part in (where, place) if part), what)


def _nearest(wrong: str, known: set[str]) -> str:
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"


def _names(kind: type[object], place: str) -> set[str]:
    """The fields that the object at this place may have."""
    here = _objects_at(kind, place)
    return {field.encode_name for outer in here for field in outer.fields} | {
        outer.tag_field for outer in here if outer.tag_field
    }


def _values(kind: type[object], place: str) -> set[str]:
    """The values that the field at this place may have, when there are but a few."""
    parent, _, name = place.rpartition(".")
    known: set[str] = set()
    for outer in _objects_at(kind, parent):
        if outer.tag_field == name:
            known.add(str(outer.tag))
        for field in outer.fields:
            values = field.type.key_type if isinstance(field.type, msgspec.inspect.DictType) else field.type
            if field.encode_name == name and isinstance(values, msgspec.inspect.LiteralType):
                known |= {str(value) for value in values.values}
    return known


def _objects_at(kind: type[object], place: str) -> list[msgspec.inspect.StructType]:
    here = _objects(msgspec.inspect.type_info(kind))
    for step in re.sub(r"\[[^]]*\]", "", place).split(".") if place else []:
        here = [
            inner
            for outer in here
            for field in outer.fields
            if field.encode_name == step
            for inner in _objects(field.type)
        ]
    return here


def _objects(info: msgspec.inspect.Type) -> list[msgspec.inspect.StructType]:
    if isinstance(info, msgspec.inspect.StructType):
        return [info]
    if isinstance(info, msgspec.inspect.UnionType):
        return [found for option in info.types for found in _objects(option)]
    if isinstance(info, msgspec.inspect.VarTupleType):
        return _objects(info.item_type)
    if isinstance(info, msgspec.inspect.Metadata):
        return _objects(info.type)
    return []
