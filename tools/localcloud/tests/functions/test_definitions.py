from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localcloud import assembly
from localcloud.errors import LocalError
from localcloud.functions import definitions

from .. import assemblies

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.functions.definitions import FunctionSpec


def read(builder: assemblies.Builder, folder: Path) -> dict[str, FunctionSpec]:
    deployment = assembly.read(builder.write(folder, ""))["ChatLambda"]
    return {spec.logical_id: spec for spec in definitions.read(deployment)}


def layered(builder: assemblies.Builder, metadata: dict[str, Any]) -> assemblies.Builder:
    builder.add("Layer", "AWS::Lambda::LayerVersion", Content={})
    builder.resources["Layer"]["Metadata"] = metadata
    builder.resources["Default"]["Properties"]["Layers"] = [{"Ref": "Layer"}]
    return builder


def test_a_function_is_read_as_its_template_says(tmp_path: Path) -> None:
    builder = assemblies.echo(
        Timeout=7,
        MemorySize=512,
        Environment={"Variables": {"REGION": {"Ref": "AWS::Region"}, "FLAG": True, "N": 5}},
        LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": "/mine"},
    )
    spec = read(builder, tmp_path)["Default"]
    assert (spec.handler, spec.timeout, spec.memory) == ("handlers.default", 7.0, 512)
    assert spec.environment == {"REGION": "us-east-1", "FLAG": "true", "N": "5"}
    assert (spec.log_format, spec.log_level, spec.log_group) == ("JSON", "WARN", "/mine")
    assert spec.path == (tmp_path / "asset.handlers",)


def test_what_the_template_leaves_out_has_lambdas_defaults(tmp_path: Path) -> None:
    builder = assemblies.echo()
    del builder.resources["Default"]["Properties"]["Timeout"]
    spec = read(builder, tmp_path)["Default"]
    assert (spec.timeout, spec.memory, spec.log_format) == (3.0, 128, "Text")


def test_a_cdk_construct_is_shown_by_its_path(tmp_path: Path) -> None:
    builder = assemblies.echo()
    builder.resources["Default"]["Metadata"] = {"aws:cdk:path": "ChatLambda/Chat/Default/Resource"}
    specs = read(builder, tmp_path)
    assert specs["Default"].label == "Chat/Default"
    assert specs["Connect"].label == "Connect"


def test_a_layer_is_its_copy_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder is relative to the app's; without a cdk.json, to the current one."""
    app, elsewhere = tmp_path / "app", tmp_path / "elsewhere"
    for folder in (app, elsewhere):
        (folder / "build" / "host" / "python").mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    builder = layered(assemblies.echo(), {"localcloud:layer": "build/host"})
    assert read(builder, app / "cdk.out")["Default"].path[1] == elsewhere / "build/host/python"
    (app / "cdk.json").write_text("{}")
    assert read(builder, app / "cdk.out")["Default"].path[1] == app / "build/host/python"


def test_a_function_follows_what_it_was_staged_from(tmp_path: Path) -> None:
    (tmp_path / "cdk.json").write_text("{}")
    builder = assemblies.echo()
    for logical_id, folder in {"Default": ".", "Connect": "nowhere"}.items():
        builder.resources[logical_id]["Metadata"] = {"localcloud:source": folder}
    specs = read(builder, tmp_path / "cdk.out")
    assert [specs[name].original for name in ("Default", "Connect", "Disconnect")] == [tmp_path, None, None]


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({}, "ChatLambda.Layer: has no metadata localcloud:layer that names its copy for this machine"),
        (
            {"localcloud:layer": "build/nowhere"},
            "ChatLambda.Layer: there is no {home}/build/nowhere/python, which its metadata localcloud:layer names: "
            "build it first (make install)",
        ),
    ],
)
def test_a_layer_without_a_copy_for_this_machine_is_named(tmp_path: Path, metadata: dict[str, str], text: str) -> None:
    (tmp_path / "cdk.json").write_text("{}")
    with pytest.raises(LocalError) as error:
        read(layered(assemblies.echo(), metadata), tmp_path)
    assert text.format(home=tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Runtime", "nodejs22.x", "ChatLambda.Default: the runtime nodejs22.x does not run here"),
        ("Runtime", None, "ChatLambda.Default: the runtime of a container image does not run here"),
        ("Code", {"S3Key": "other.zip"}, "ChatLambda.Default: its code is not a folder of this assembly"),
        (
            "Layers",
            ["arn:aws:lambda:::layer:x:1"],
            "the layer arn:aws:lambda:::layer:x:1 is not one of the stack's own",
        ),
    ],
)
def test_what_cannot_run_is_named(tmp_path: Path, name: str, value: object, text: str) -> None:
    builder = assemblies.echo()
    builder.resources["Default"]["Properties"][name] = value
    with pytest.raises(LocalError) as error:
        read(builder, tmp_path)
    assert text in str(error.value)
