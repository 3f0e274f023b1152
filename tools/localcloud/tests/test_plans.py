"""Which stacks of an assembly run, under which names and on which ports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from localcloud import plans
from localcloud.errors import LocalError, UsageError

from .assemblies import Builder

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, **stacks: dict[str, Any]) -> Path:
    """An assembly of stacks, which have a WebSocket API unless their template says otherwise."""
    artifacts = {}
    for name, template in stacks.items():
        (folder / f"{name}.json").write_text(json.dumps({"Resources": Builder().resources} | template))
        artifacts[name] = {"type": "aws:cloudformation:stack", "properties": {"templateFile": f"{name}.json"}}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


def told(**metadata: Any) -> dict[str, Any]:
    return {"Metadata": {"localcloud": metadata}}


def test_without_metadata_every_stack_with_a_websocket_api_runs_under_its_name(tmp_path: Path) -> None:
    http = {"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "HTTP"}}}
    folder = write(tmp_path, Network={"Resources": {}}, First={}, Http={"Resources": http}, Second={"Metadata": {}})
    assert [(plan.name, plan.offset) for plan in plans.of_assembly(folder)] == [("First", 1), ("Second", 2)]


def test_with_metadata_only_the_stacks_run_that_have_it(tmp_path: Path) -> None:
    folder = write(tmp_path, Other={}, Chat=told(name="chat", port=7), News=told())
    assert [(plan.name, plan.offset) for plan in plans.of_assembly(folder)] == [("News", 1), ("chat", 7)]


def test_a_port_is_the_first_that_no_other_stack_has(tmp_path: Path) -> None:
    folder = write(tmp_path, A=told(), B=told(port=1), C=told(), D=told(port=3))
    assert [(plan.name, plan.offset) for plan in plans.of_assembly(folder)] == [("B", 1), ("A", 2), ("D", 3), ("C", 4)]


def test_stacks_run_in_the_order_in_which_they_are_asked_for_and_once(tmp_path: Path) -> None:
    folder = write(tmp_path, A={}, B={}, C={})
    assert [(plan.name, plan.offset) for plan in plans.of_assembly(folder, ["C", "A", "C"])] == [("C", 3), ("A", 1)]


def test_what_is_not_asked_for_need_not_run_here(tmp_path: Path) -> None:
    broken = Builder()
    broken.function("Default", "index.handler", Runtime="nodejs22.x")
    folder = write(tmp_path, A={}, B={"Resources": broken.resources})
    assert [plan.name for plan in plans.of_assembly(folder, ["A"])] == ["A"]
    assert plans.variants(folder) == ["A", "B"]


def test_a_name_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    folder = write(tmp_path, A={}, B={})
    with pytest.raises(UsageError) as error:
        plans.of_assembly(folder, ["A", "X"])
    assert str(error.value) == f"{folder} has no 'X', only A, B: synthesize it too (make synth BACKENDS=A,X)"


def test_an_assembly_with_nothing_to_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"has no stack to run: none has a WebSocket API, or metadata localcloud$"):
        plans.variants(write(tmp_path, A={"Resources": {}}))


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (told(name="a"), told(name="a"), "A and B both have the name 'a': change it in the metadata localcloud of one"),
        (told(name="B"), told(), "A and B both have the name 'B': change it in the metadata localcloud of one"),
        (told(port=2), told(port=2), "A and B both have the port 2: change it in the metadata localcloud of one"),
        (told(name=5), {}, "A: its metadata localcloud cannot be used: Expected `str | null`, got `int` - at `$.name`"),
        (told(name="a,b"), {}, "A: its metadata localcloud cannot be used: Expected `str` matching regex"),
        (told(port="1"), {}, "A: its metadata localcloud cannot be used: Expected `int | null`, got `str`"),
        (told(port=566), {}, "A: its metadata localcloud cannot be used: Expected `int` <= 565 - at `$.port`"),
        (told(packages=[]), {}, "A: its metadata localcloud cannot be used: Expected `str | null`, got `array`"),
        (told(ports=1), {}, "A: its metadata localcloud cannot be used: Object contains unknown field `ports`"),
        ({"Metadata": {"localcloud": "a"}}, {}, "A: its metadata localcloud cannot be used: Expected `object`"),
    ],
    ids=str,
)
def test_metadata_that_cannot_be_used_is_one_line(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], text: str
) -> None:
    with pytest.raises(LocalError) as error:
        plans.variants(write(tmp_path, A=first, B=second))
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)
