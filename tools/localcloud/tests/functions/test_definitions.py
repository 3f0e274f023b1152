from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local import assembly
from local.errors import LocalError
from local.functions import definitions
from tests.local import assemblies
from tests.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from local.functions.function import FunctionSpec


def read(builder: assemblies.Builder, folder: Path) -> dict[str, FunctionSpec]:
    deployment = assembly.read(builder.write(folder, ""))["DuplexLambda"]
    return {spec.logical_id: spec for spec in definitions.read(deployment)}


def layered(builder: assemblies.Builder, metadata: dict[str, Any]) -> assemblies.Builder:
    builder.add("Layer", "AWS::Lambda::LayerVersion", Content={})
    builder.resources["Layer"]["Metadata"] = metadata
    builder.resources["Default"]["Properties"]["Layers"] = [{"Ref": "Layer"}]
    return builder


def test_a_function_is_read_as_its_template_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
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
    assert spec.path == (tmp_path / "asset.handlers", ROOT / definitions.RUNTIME)


def test_what_the_template_leaves_out_has_lambdas_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    builder = assemblies.echo()
    del builder.resources["Default"]["Properties"]["Timeout"]
    spec = read(builder, tmp_path)["Default"]
    assert (spec.timeout, spec.memory, spec.log_format) == (3.0, 128, "Text")


def test_a_cdk_construct_is_shown_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    builder = assemblies.echo()
    builder.resources["Default"]["Metadata"] = {"aws:cdk:path": "DuplexLambda/Chat/Default/Resource"}
    specs = read(builder, tmp_path)
    assert specs["Default"].label == "Chat/Default"
    assert specs["Connect"].label == "Connect"


def test_a_layer_is_its_copy_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    spec = read(layered(assemblies.echo(), {"duplex:host": "build/host"}), tmp_path)["Default"]
    assert spec.path[1] == ROOT / "build/host/python"


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({}, "DuplexLambda.Layer: has no 'duplex:host' metadata"),
        ({"duplex:host": "build/nowhere"}, "DuplexLambda.Layer: there is no build/nowhere/python: run make install"),
    ],
)
def test_a_layer_without_a_copy_for_this_machine_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: dict[str, str], text: str
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(LocalError) as error:
        read(layered(assemblies.echo(), metadata), tmp_path)
    assert text in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Runtime", "nodejs22.x", "DuplexLambda.Default: the runtime nodejs22.x does not run here"),
        ("Runtime", None, "DuplexLambda.Default: the runtime of a container image does not run here"),
        ("Code", {"S3Key": "other.zip"}, "DuplexLambda.Default: its code is not a folder of this assembly"),
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
