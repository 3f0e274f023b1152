"""Model validation of messages: JSON Schema draft 4.

Source: "Validate requests for WebSocket APIs", Amazon API Gateway Developer Guide. A message whose route has models is
validated by the one that the route's `ModelSelectionExpression` selects, else by `$default`; when there is neither, it
fails.

A schema comes with a template and the text with a message: patterns have a deadline, the work is counted, and nothing
is ever fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
import msgspec
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4

from localcloud.gateway.jsonpath import MISSING
from localcloud.gateway.patterns import PatternError, compiled
from localcloud.gateway.selection import DEFAULT, Expression

_STEPS = 200_000
"""Keywords applied to values while one message is validated; about half a second."""
_LONGEST = 400_000
_ERROR = 300

_Keyword = Callable[[Any, Any, Any, Any], Iterator[jsonschema.ValidationError] | None]


class ModelError(ValueError):
    """A model that is no JSON Schema of draft 4, or one that needs what is not here."""


class _TooMuchError(Exception):
    """A message takes too much work to be validated."""


class Model:
    """One model, compiled."""

    __slots__ = ("_left", "_validator")

    def __init__(self, schema: object) -> None:
        """Takes decoded JSON, or its text; raises ModelError."""
        try:
            text = schema if isinstance(schema, str) else msgspec.json.encode(schema).decode()
            if len(text) > _LONGEST:
                raise ModelError(f"the schema has {len(text)} characters; the limit is {_LONGEST}")
            decoded = msgspec.json.decode(text)
            if not isinstance(decoded, dict):
                raise ModelError("a schema is a JSON object")
            jsonschema.Draft4Validator.check_schema(decoded)
            _check(decoded, decoded)
        except msgspec.DecodeError as error:
            raise ModelError(f"the schema is not JSON: {error}") from error
        except jsonschema.SchemaError as error:
            raise ModelError(f"the schema is not one of draft 4: {error.message[:_ERROR]}") from error
        except RecursionError:
            raise ModelError("the schema is nested too deeply") from None
        self._left = 0
        keywords = {**jsonschema.Draft4Validator.VALIDATORS, **_KEYWORDS}
        counted = {name: self._counted(keyword) for name, keyword in keywords.items()}
        validator = jsonschema.validators.extend(jsonschema.Draft4Validator, counted)
        self._validator = validator(decoded, registry=Registry())

    def error(self, body: object) -> str | None:
        """What is wrong with a decoded JSON value, in a line, or None when the model accepts it."""
        self._left = _STEPS
        try:
            first = next(iter(self._validator.iter_errors(body)), None)
        except (_TooMuchError, PatternError, RecursionError, OverflowError) as error:
            return str(error) if isinstance(error, PatternError) else "it takes too much work to validate"
        return None if first is None else first.message[:_ERROR]

    def _counted(self, keyword: _Keyword) -> _Keyword:
        def apply(
            validator: Any, value: Any, instance: Any, schema: Any
        ) -> Iterator[jsonschema.ValidationError] | None:
            self._left -= 1 + (len(value) if isinstance(value, list | dict) else 0)
            if self._left < 0:
                raise _TooMuchError
            return keyword(validator, value, instance, schema)

        return apply


class RequestModels:
    """A route's `RequestModels` by key, and the `ModelSelectionExpression` that chooses one."""

    def __init__(self, models: Mapping[str, Model], expression: Expression | None = None) -> None:
        self._models = models
        self._expression = expression

    def error(self, body: object) -> str | None:
        """What is wrong with a message's decoded JSON, or None; MISSING is a message that is not JSON."""
        key = DEFAULT if self._expression is None else self._expression.evaluate(body)
        model = self._models.get(key) or self._models.get(DEFAULT)
        if model is None:
            return f"there is no model for {key[:_ERROR]!r}"
        return "it is not JSON" if body is MISSING else model.error(body)


def _pattern(validator: Any, value: str, instance: Any, _: Any) -> Iterator[jsonschema.ValidationError]:
    if validator.is_type(instance, "string") and not compiled(value).search(instance):
        yield jsonschema.ValidationError(f"{instance[:80]!r} does not match {value!r}")


def _pattern_properties(
    validator: Any, value: Mapping[str, Any], instance: Any, _: Any
) -> Iterator[jsonschema.ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, schema in value.items():
        for name, child in instance.items():
            if compiled(pattern).search(name):
                yield from validator.descend(child, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    known = schema.get("properties", {})
    patterns = [compiled(pattern) for pattern in schema.get("patternProperties", {})]
    for name, child in instance.items():
        if name in known or any(pattern.search(name) for pattern in patterns):
            continue
        if isinstance(value, dict):
            yield from validator.descend(child, value, path=name)
        elif not value:
            yield jsonschema.ValidationError(f"{name[:80]!r} is not one of its properties")


def _unique_items(validator: Any, value: bool, instance: Any, _: Any) -> Iterator[jsonschema.ValidationError]:
    """The library compares every item with every other when they cannot be sorted; this one looks each up."""
    if not value or not validator.is_type(instance, "array"):
        return
    if len({msgspec.json.encode(item, order="deterministic") for item in instance}) < len(instance):
        yield jsonschema.ValidationError("its items are not unique")


_KEYWORDS: dict[str, _Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}


def _check(schema: object, root: dict[str, Any]) -> None:
    """Refuse patterns that are none, and references to elsewhere or to nothing."""
    if isinstance(schema, list):
        for child in schema:
            _check(child, root)
    if not isinstance(schema, dict):
        return
    patterns = [pattern] if isinstance(pattern := schema.get("pattern"), str) else []
    if isinstance(by_pattern := schema.get("patternProperties"), dict):
        patterns += by_pattern
    for pattern in patterns:
        try:
            compiled(pattern)
        except PatternError as error:
            raise ModelError(str(error)) from error
    if isinstance(reference := schema.get("$ref"), str):
        _check_reference(reference, root)
    for name, child in schema.items():
        if name not in {"enum", "default"}:
            _check(child, root)


def _check_reference(reference: str, root: dict[str, Any]) -> None:
    if not reference.startswith("#"):
        raise ModelError(
            f"$ref {reference[:_ERROR]!r}: only references inside the model, as #/definitions/name, work here"
        )
    try:
        Registry().resolver_with_root(DRAFT4.create_resource(root)).lookup(reference)
    except Unresolvable as error:
        raise ModelError(f"$ref {reference[:_ERROR]!r} leads nowhere") from error
