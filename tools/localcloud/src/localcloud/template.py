"""A CloudFormation template with its intrinsic functions resolved for this machine.

Values are resolved when somebody asks for them, so that what is not run here need not be understood here. Whatever
cannot be resolved is an error that names the logical id it stands under.
"""

from __future__ import annotations

import base64
import json
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from localcloud.errors import LocalError
from localcloud.resources import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

T = TypeVar("T")

ACCOUNT = "123456789012"
REGION = "us-east-1"

_NO_VALUE = object()  # AWS::NoValue: the property, or the list item, is left out
_SUB = re.compile(r"\$\{(!?)([^}]+)\}")


class Stack:
    """One template as a stack of this machine's cloud."""

    def __init__(self, name: str, template: Mapping[str, Any], parameters: Mapping[str, str] | None = None) -> None:
        self.name: str = name
        self.region: str = REGION
        self.account: str = ACCOUNT
        self._template = template
        self._parameters = dict(parameters or {})
        self.references: dict[str, str] = {}  # the values of dynamic references, once they have been looked up
        self.siblings: Iterable[Stack] = ()  # the stacks that it may import from
        self._under: list[str] = []  # the logical ids that are being resolved, outermost first

    @classmethod
    def read(cls, name: str, path: Path) -> Stack:
        """Read a template in JSON."""
        try:
            template = json.loads(path.read_bytes())
        except OSError as error:
            raise LocalError(f"cannot read the template {path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise LocalError(f"{path} is not a JSON template: {error}") from error
        if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
            raise LocalError(f"{path} is not a CloudFormation template: it has no Resources")
        return cls(name, template)

    def resources(self, *types: str) -> Iterator[str]:
        """The logical ids of the resources of these types that exist under the template's conditions."""
        for logical_id, resource in self._template["Resources"].items():
            if isinstance(resource, dict) and resource.get("Type") in types and self._exists(logical_id):
                yield logical_id

    def types(self) -> list[str]:
        """The types of its resources, each once."""
        found = (
            resource.get("Type") for resource in self._template["Resources"].values() if isinstance(resource, dict)
        )
        return list(dict.fromkeys(kind for kind in found if isinstance(kind, str)))

    @property
    def transforms(self) -> list[str]:
        """The macros that CloudFormation would run over it."""
        named = self._template.get("Transform") or []
        return list(map(str, named)) if isinstance(named, list) else [str(named)]

    @property
    def own_metadata(self) -> object:
        """The template's own metadata, as written."""
        return self._template.get("Metadata")

    def type(self, logical_id: str) -> str:
        """A resource's type, such as AWS::Lambda::Function."""
        resource = self._template["Resources"].get(logical_id)
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise self.error(f"there is no resource {logical_id!r} with a Type")
        return str(resource["Type"])

    def properties(self, logical_id: str) -> dict[str, Any]:
        """All properties of a resource, resolved."""
        return self._within(logical_id, lambda: self._mapping(self._template["Resources"][logical_id], "Properties"))

    def property(self, logical_id: str, name: str) -> Any:
        """One property of a resource, resolved; None when it is absent."""
        return self._within(logical_id, lambda: self._own_property(logical_id, name))

    def metadata(self, logical_id: str) -> dict[str, Any]:
        """A resource's metadata, as written."""
        return dict(self._template["Resources"][logical_id].get("Metadata") or {})

    def ref(self, logical_id: str) -> str:
        """What `Ref` gives for a resource: its physical id."""
        return self._within(logical_id, lambda: self._resource(logical_id).ref)

    def attribute(self, logical_id: str, name: str) -> str:
        """What `Fn::GetAtt` gives for a resource."""
        value = self._within(logical_id, lambda: self._resource(logical_id).attribute(name))
        if value is None:
            raise self.error(f"Fn::GetAtt {logical_id}.{name} is not known here for {self.type(logical_id)}")
        return value

    def resolve(self, value: Any) -> Any:
        """A value with every intrinsic function in it replaced."""
        if isinstance(value, dict):
            if len(value) == 1:
                (function, argument), *_ = value.items()
                if function in _INTRINSICS:
                    return self._looked_up(_INTRINSICS[function](self, argument))
                if function.startswith("Fn::"):
                    raise self.error(f"{function} is not supported here")
            pairs = ((key, self.resolve(item)) for key, item in value.items())
            return {key: item for key, item in pairs if item is not _NO_VALUE}
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
        return self._looked_up(value)

    def _looked_up(self, value: Any) -> Any:
        """A text with its dynamic references replaced, as far as they are known."""
        if isinstance(value, str) and "{{resolve:" in value:
            for reference, found in self.references.items():
                value = value.replace(reference, found)
        return value

    @contextmanager
    def reading(self, logical_id: str) -> Iterator[None]:
        """Turn the surprises of a resource whose properties have the wrong shape into an error that names it."""
        try:
            yield
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            text = f"{self.name}.{logical_id}: a property has the wrong shape: {type(error).__name__}: {error}"
            raise LocalError(" ".join(text.split())) from error

    # Everything below is the template language.

    def _within(self, logical_id: str, resolve: Callable[[], T]) -> T:
        if logical_id in self._under:
            raise self.error(f"{logical_id} refers to itself")
        self._under.append(logical_id)
        try:
            return resolve()
        finally:
            self._under.pop()

    def _resource(self, logical_id: str) -> Resource:
        def given(name: str) -> Any:
            return self._own_property(logical_id, name)

        return Resource(self.type(logical_id), logical_id, self.name, self.region, self.account, given)

    def _own_property(self, logical_id: str, name: str) -> Any:
        """As `property`, for what is resolving this very resource already."""
        value = self.resolve((self._template["Resources"][logical_id].get("Properties") or {}).get(name))
        return None if value is _NO_VALUE else value

    def _mapping(self, holder: Mapping[str, Any], key: str) -> dict[str, Any]:
        value: object = self.resolve(holder.get(key) or {})
        if not isinstance(value, dict):
            raise self.error(f"{key} must be a mapping")
        return value

    def error(self, text: str) -> LocalError:
        """An error of this template, under the resource that is being resolved."""
        return LocalError(f"{'.'.join([self.name, *self._under[:1]])}: {text}")

    def _exists(self, logical_id: str) -> bool:
        condition = self._template["Resources"][logical_id].get("Condition")
        return condition is None or self._condition(condition)

    def _condition(self, condition: Any) -> bool:
        """A condition by name, or the functions that only conditions may use."""
        if isinstance(condition, str):
            named = self._template.get("Conditions", {})
            if condition not in named:
                raise self.error(f"there is no condition {condition!r}")
            return self._condition(named[condition])
        match condition:
            case {"Condition": str() as name}:
                return self._condition(name)
            case {"Fn::Equals": [left, right]}:
                return bool(self.resolve(left) == self.resolve(right))
            case {"Fn::Not": [one]}:
                return not self._condition(one)
            case {"Fn::And": list() as all_}:
                return all(map(self._condition, all_))
            case {"Fn::Or": list() as any_}:
                return any(map(self._condition, any_))
            case _:
                raise self.error(f"cannot evaluate the condition {json.dumps(condition)[:100]}")

    def _ref(self, name: Any) -> Any:
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::NoValue": _NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{self.name}/local",
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self._template.get("Parameters", {}):
            return self._parameter(name)
        if name not in self._template["Resources"]:
            raise self.error(f"Ref to {name!r}, which is neither a resource nor a parameter")
        return self.ref(name)

    def _parameter(self, name: str) -> Any:
        declared = self._template["Parameters"][name]
        if str(declared.get("Type", "")).startswith("AWS::"):
            raise self.error(f"the parameter {name} has the type {declared['Type']}, which is not supported here")
        value = self._parameters.get(name, declared.get("Default"))
        if value is None:
            raise self.error(f"the parameter {name} has no value: give it one with --parameter {name}=VALUE")
        if str(declared.get("Type", "")).startswith(("CommaDelimitedList", "List<")):
            return [item.strip() for item in str(value).split(",")]
        return value

    def _get_att(self, argument: Any) -> str:
        logical_id, name = (
            argument.split(".", 1) if isinstance(argument, str) else (argument[0], ".".join(argument[1:]))
        )
        return self.attribute(logical_id, name)

    def _text(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        raise self.error(f"expected text, not {json.dumps(value, default=str)[:100]}")

    def _join(self, argument: Any) -> str:
        delimiter, items = argument
        return str(delimiter).join(map(self._text, self.resolve(items)))

    def _sub(self, argument: Any) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            literal, name = match[1], match[2]
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return self._text(self.resolve(variables[name]))
            return self._text(self._get_att(name) if "." in name else self._ref(name))

        return _SUB.sub(replace, text)

    def _select(self, argument: Any) -> Any:
        index, items = self.resolve(argument)
        return items[int(index)]

    def _split(self, argument: Any) -> list[str]:
        delimiter, text = argument
        return self._text(self.resolve(text)).split(delimiter)

    def _if(self, argument: Any) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self._condition(condition) else otherwise)

    def _find_in_map(self, argument: Any) -> Any:
        table, first, second = self.resolve(argument)
        return self._template["Mappings"][table][first][second]

    def exported(self, name: str) -> Any:
        """The value that this stack exports under a name; KeyError when it exports none."""
        for output in (self._template.get("Outputs") or {}).values():
            if "Export" in output and self.resolve(output["Export"])["Name"] == name:
                return self.resolve(output["Value"])
        raise KeyError(name)

    def output(self, name: str) -> Any:
        """The value of one of this stack's outputs; KeyError when it has none of that name."""
        return self.resolve((self._template.get("Outputs") or {})[name]["Value"])

    def _get_stack_output(self, argument: Any) -> Any:
        """A reference to another stack as CDK makes it where weak ones are wanted."""
        wanted = self.resolve(argument)
        for stack in self.siblings:
            if stack.name == wanted["StackName"]:
                return stack.output(wanted["OutputName"])
        raise self.error(f"no stack {wanted['StackName']!r} is here, whose output it refers to")

    def _import_value(self, argument: Any) -> Any:
        name = self._text(self.resolve(argument))
        for stack in self.siblings:
            with suppress(KeyError):
                return stack.exported(name)
        raise self.error(f"no stack here exports {name!r}, which it imports")

    def _base64(self, argument: Any) -> str:
        return base64.b64encode(self._text(self.resolve(argument)).encode()).decode()


def _intrinsic(name: str, function: Callable[[Stack, Any], Any]) -> Callable[[Stack, Any], Any]:
    """An intrinsic function whose argument has the wrong shape is an error of the template, not of ours."""

    def call(stack: Stack, argument: Any) -> Any:
        try:
            return function(stack, argument)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            shown = json.dumps(argument, default=str)[:100]
            raise stack.error(f"cannot resolve {{{name!r}: {shown}}}: {type(error).__name__}: {error}") from error

    return call


_INTRINSICS = {
    name: _intrinsic(name, function)
    for name, function in {
        "Ref": Stack._ref,  # noqa: SLF001
        "Fn::Base64": Stack._base64,  # noqa: SLF001
        "Fn::FindInMap": Stack._find_in_map,  # noqa: SLF001
        "Fn::GetAtt": Stack._get_att,  # noqa: SLF001
        "Fn::ImportValue": Stack._import_value,  # noqa: SLF001
        "Fn::GetStackOutput": Stack._get_stack_output,  # noqa: SLF001
        "Fn::If": Stack._if,  # noqa: SLF001
        "Fn::Join": Stack._join,  # noqa: SLF001
        "Fn::Select": Stack._select,  # noqa: SLF001
        "Fn::Split": Stack._split,  # noqa: SLF001
        "Fn::Sub": Stack._sub,  # noqa: SLF001
    }.items()
}
