"""Templates as they come: what is read, what is refused, and in which words."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud import foreign, plans, resources, yaml_template
from localcloud.cloud import Cloud
from localcloud.errors import LocalError
from localcloud.pods.model import PodsPlan

from .assemblies import Builder

if TYPE_CHECKING:
    from localcloud.plans import Plan


def written(folder: Path, text: str) -> Path:
    path = folder / "stack.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("!Ref A", {"Ref": "A"}),
        ("!GetAtt A.B.C", {"Fn::GetAtt": ["A", "B.C"]}),
        ("!Sub '${A}'", {"Fn::Sub": "${A}"}),
        ("!Join ['', [!Ref A, b]]", {"Fn::Join": ["", [{"Ref": "A"}, "b"]]}),
        ("!If [C, !Ref A, !Ref 'AWS::NoValue']", {"Fn::If": ["C", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]}),
        ("!Condition C", {"Condition": "C"}),
        ("{a: 2012-10-17, b: yes, c: 1}", {"a": "2012-10-17", "b": True, "c": 1}),
    ],
)
def test_short_intrinsics_are_what_the_long_ones_are(tmp_path: Path, short: str, long: Any) -> None:
    path = written(tmp_path, f"Resources: {{R: {{Type: T, Properties: {{P: {short}}}}}}}")
    assert yaml_template.read(path)["Resources"]["R"]["Properties"]["P"] == long


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [", "is no template: "),
        ("{", "is no template:"),
        ("[]", "is not a CloudFormation template: it has no Resources"),
        ("Resources: 5", "is not a CloudFormation template"),
        ("Resources: {A: &a {}, B: *a}", "CloudFormation's YAML has no aliases"),
        ("Resources: !!python/object:os.system {}", "is no template: could not determine a constructor"),
        ("{" * 5000, "is no template"),
        ('{"Resources":' + "[" * 100_000, "is no template: it is nested too deeply"),
        ("Resources: " + "[" * 5000, "is no template"),
        ("\x00", "is no template"),
    ],
)
def test_what_is_no_template_is_refused_in_one_line(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(LocalError) as refused:
        yaml_template.read(written(tmp_path, text))
    assert error in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="1 MB"):
        yaml_template.read(written(tmp_path, "#" * 1024 * 1024 + "#"))
    with pytest.raises(LocalError, match="No such file"):
        yaml_template.read(tmp_path / "none")


texts = st.text(max_size=5)
values = st.recursive(texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


@given(st.text(max_size=200) | values.map(json.dumps))
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(LocalError):
        yaml_template.parse("stack.yaml", text)


def plan(builder: Builder, folder: Path, **parameters: str) -> tuple[list[Plan], list[str]]:
    """What a template would run, and what is said about the rest."""
    warnings: list[str] = []
    path = folder / "stack.json"
    path.write_text(json.dumps({"Resources": builder.resources, "Parameters": {"Known": {"Type": "String"}}}))
    return plans.of_template(path, parameters, folder / "scratch", warnings.append), warnings


def inline(code: Any, **properties: Any) -> Builder:
    """An API whose `$default` route leads to a function with this code."""
    builder = Builder()
    builder.function("F", "index.handler", **({"Code": code} | properties))
    builder.route("Default", "$default", "F")
    return builder


def test_inline_code_is_a_module_called_index(tmp_path: Path) -> None:
    ((only,), warnings) = plan(inline({"ZipFile": {"Fn::Sub": "REGION = '${AWS::Region}'"}}), tmp_path)
    (function,) = only.functions
    assert (function.source / "index.py").read_text() == "REGION = 'us-east-1'"
    assert warnings == []


def test_code_may_be_a_folder_a_file_or_a_zip_file_beside_the_template(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "index.py").write_text("1")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("index.py", "1")
    for number, code in enumerate(("src", "./src/index.py", "code.zip")):
        folder = tmp_path / str(number)
        folder.mkdir()
        ((only,), _) = plan(inline(f"../{code}"), folder)
        assert (only.functions[0].source / "index.py").read_text() == "1"


def test_an_archive_stays_below_its_folder(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../escaped.py", "1")
    (tmp_path / "code.zip").write_bytes(content.getvalue())
    plan(inline("code.zip"), tmp_path)
    assert not (tmp_path.parent / "escaped.py").exists()
    assert not (tmp_path / "escaped.py").exists()


def test_a_layer_may_be_a_folder_beside_the_template(tmp_path: Path) -> None:
    (tmp_path / "layer" / "python").mkdir(parents=True)
    builder = inline({"ZipFile": ""}, Layers=[{"Ref": "Layer"}])
    builder.add("Layer", "AWS::Lambda::LayerVersion", Content="layer")
    ((only,), _) = plan(builder, tmp_path)
    assert tmp_path / "layer" / "python" in only.functions[0].path


@pytest.mark.parametrize(
    ("builder", "text"),
    [
        (inline({"ZipFile": ""}, Runtime="nodejs22.x"), "stack.F: the runtime nodejs22.x does not run here"),
        (inline({"S3Bucket": "b", "S3Key": "k"}), "stack.F: its code is neither inline (ZipFile) nor a local path"),
        (inline("nowhere"), "stack.F: its code"),
        (inline({"ZipFile": ""}, Layers=["arn:other"]), "stack.F: the layer arn:other is not one of the stack's own"),
        (
            inline({"ZipFile": {"Ref": "Known"}}),
            "the parameter Known has no value: give it one with --parameter Known=",
        ),
    ],
)
def test_what_the_api_needs_and_cannot_be_run_is_an_error(tmp_path: Path, builder: Builder, text: str) -> None:
    with pytest.raises(LocalError) as error:
        plan(builder, tmp_path)
    assert text in str(error.value)


def test_what_the_api_does_not_need_is_left_aside_with_a_word(tmp_path: Path) -> None:
    builder = inline({"ZipFile": ""})
    builder.add("Other", "AWS::Lambda::Function", Runtime="nodejs22.x", Handler="x", Code={"ZipFile": ""})
    builder.add("Files", "AWS::S3::Bucket")
    builder.add("More", "AWS::S3::Bucket")
    builder.add("Role", "AWS::IAM::Role")
    builder.add("Http", "AWS::ApiGatewayV2::Api", ProtocolType="HTTP")
    builder.add("Key", "AWS::ApiGatewayV2::Route", ApiId={"Ref": "Api"}, RouteKey="$connect", ApiKeyRequired=True)
    ((only,), warnings) = plan(builder, tmp_path)
    assert [function.logical_id for function in only.functions] == ["F"]
    assert warnings == [
        "AWS::S3::Bucket does not run here: Files, More",
        "HTTP APIs do not run here: Http",
        "API keys are not checked here: Api",
        "stack.Other: the runtime nodejs22.x does not run here, only python3.x; it is left aside",
    ]


def test_a_vpc_link_leads_to_a_load_balancer_that_runs_here(tmp_path: Path) -> None:
    builder = Builder()
    builder.add("Balancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", Type="network")
    builder.add("Link", "AWS::ApiGateway::VpcLink", Name="link", TargetArns=[{"Ref": "Balancer"}])
    through = {"ConnectionType": "VPC_LINK", "ConnectionId": {"Ref": "Link"}, "IntegrationMethod": "POST"}
    uri = {"Fn::Sub": "http://${Balancer.DNSName}/path"}
    to = {"ApiId": {"Ref": "Api"}, "IntegrationType": "HTTP_PROXY", "IntegrationUri": uri, **through}
    builder.add("FIntegration", "AWS::ApiGatewayV2::Integration", **to)
    builder.route("Default", "$default", "F")
    found, warnings = plan(builder, tmp_path)
    assert warnings == []
    name = found[0].deployment.stack.attribute("Balancer", "DNSName")
    settings: Any = {"port": 0, "concurrency": 1, "report": print}
    assert Cloud([replace(found[0], pods=PodsPlan(balancers={name: {}}))], **settings)
    with pytest.raises(LocalError) as error:
        Cloud(found, **settings)
    assert str(error.value) == (
        f"stack, route $default: its VPC link leads to {name}, and no load balancer of that name runs here"
    )


def test_sam_is_not_cloudformation(tmp_path: Path) -> None:
    builder = inline({"ZipFile": ""})
    builder.add("S", "AWS::Serverless::Function")
    with pytest.raises(LocalError, match=r"stack\.S: AWS::Serverless::Function is SAM"):
        plan(builder, tmp_path)


def test_a_template_without_a_websocket_api_is_refused(tmp_path: Path) -> None:
    builder = Builder()
    builder.resources["Api"]["Properties"]["ProtocolType"] = "HTTP"
    with pytest.raises(LocalError, match="has no WebSocket API"):
        plan(builder, tmp_path)


def test_an_unknown_parameter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="has no parameter 'Unknown': it has Known"):
        plan(inline({"ZipFile": ""}), tmp_path, Unknown="1")


def test_each_api_of_a_template_has_a_port(tmp_path: Path) -> None:
    builder = inline({"ZipFile": ""})
    expression = "$request.body.action"
    builder.add("B", "AWS::ApiGatewayV2::Api", ProtocolType="WEBSOCKET", RouteSelectionExpression=expression)
    builder.add("BStage", "AWS::ApiGatewayV2::Stage", ApiId={"Ref": "B"}, StageName="b")
    found, _ = plan(builder, tmp_path)
    shown = [(one.name, one.offset, one.api and one.api.stage, len(one.functions)) for one in found]
    assert shown == [("Api", 1, "prod", 1), ("B", 2, "b", 0)]


def test_every_type_that_is_read_counts_as_run() -> None:
    """A type that a part of the local cloud reads must not be said not to run."""
    read = {value for name, value in vars(resources).items() if name.isupper() and isinstance(value, str)}
    unread = {
        resources.ROLE,  # of a service that makes no difference
        # Containers, and what leads to them, run from an assembly alone: it has their images' folders.
        *(resources.CLUSTER, resources.KUBERNETES_MANIFEST, resources.LISTENER, resources.SCALABLE_TARGET),
        *(resources.SCALING_POLICY, resources.SERVICE, resources.TARGET_GROUP, resources.TASK_DEFINITION),
    }
    assert read - unread <= foreign._RUN


TEMPLATE = Path(__file__).with_name("templates") / "functions.json"
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just({"Ref": "Stage"})
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


@given(st.data(), anything)
@settings(deadline=None)
def test_any_property_is_read_or_refused(data: st.DataObject, value: object) -> None:
    """Whatever stands in a template instead of what should."""
    template = json.loads(TEMPLATE.read_text())
    resource = template["Resources"][data.draw(st.sampled_from(sorted(template["Resources"])))]
    key = data.draw(st.sampled_from(["Type", "Properties", *resource["Properties"]]))
    (resource if key in resource else resource["Properties"])[key] = value
    with TemporaryDirectory() as folder:
        shutil.copytree(TEMPLATE.parent / "reply", Path(folder, "reply"))
        path = Path(folder, "stack.json")
        path.write_text(json.dumps(template))
        with suppress(LocalError):
            assert plans.of_template(path, {}, Path(folder, "scratch"), lambda _: None)
