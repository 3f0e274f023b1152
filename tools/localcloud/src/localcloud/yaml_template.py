"""CloudFormation templates as text: JSON, or YAML with short intrinsic functions.

Source: "Template format" and "Intrinsic function reference", AWS CloudFormation User Guide. A template has at most
1 MB; aliases are not part of CloudFormation's YAML, and dates stay text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from localcloud.errors import LocalError

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1024 * 1024


def read(path: Path) -> dict[str, Any]:
    """The template in a file; LocalError when it is none."""
    try:
        if path.stat().st_size > _LARGEST:
            raise LocalError(f"{path} is no template: CloudFormation takes 1 MB at most")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LocalError(f"cannot read the template {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LocalError(f"{path} is no template: it is not UTF-8 text") from error
    return parse(str(path), text)


def parse(name: str, text: str) -> dict[str, Any]:
    """The template in a text that is called so; LocalError when it is none."""
    template = _parsed(name, text)
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise LocalError(f"{name} is not a CloudFormation template: it has no Resources")
    return template


def _parsed(name: str, text: str) -> object:
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text)
        return yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise LocalError(f"{name} is no template: {error.problem or 'it is not YAML'}{where}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise LocalError(f"{name} is no template: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise LocalError(f"{name} is no template: it is nested too deeply") from error


class _Loader(yaml.SafeLoader):
    """YAML without aliases and dates."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="CloudFormation's YAML has no aliases", problem_mark=self.get_mark())
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """`!Sub text` is `{"Fn::Sub": text}`; `!Ref` and `!Condition` have no `Fn::`, and `!GetAtt a.b` is a list."""
    value: Any
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
        case _:
            raise yaml.MarkedYAMLError(problem=f"!{suffix} has no value that can be read")
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short)
