from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.errors import LocalError
from localcloud.template import Stack

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = {
    "Parameters": {
        "Size": {"Type": "String", "Default": "small"},
        "Names": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Secret": {"Type": "String"},
        "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"},
    },
    "Mappings": {"Sizes": {"small": {"memory": 128}, "large": {"memory": 512}}},
    "Conditions": {
        "Small": {"Fn::Equals": [{"Ref": "Size"}, "small"]},
        "Large": {"Fn::Not": [{"Condition": "Small"}]},
        "Either": {"Fn::Or": [{"Condition": "Small"}, {"Condition": "Large"}]},
        "Both": {"Fn::And": [{"Condition": "Small"}, {"Condition": "Large"}]},
    },
    "Resources": {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"KeySchema": []}},
        "Named": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": {"Fn::Sub": "${AWS::StackName}-t"}}},
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "WEBSOCKET"}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {}},
        "Only": {"Type": "AWS::Lambda::Function", "Condition": "Large", "Properties": {}},
        "Selfish": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": {"Ref": "Selfish"}}},
    },
}
STACK = Stack("App", TEMPLATE)


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::AccountId"}, "123456789012"),
        ({"Ref": "Size"}, "small"),
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "Table"}, "App-Table"),
        ({"Ref": "Named"}, "App-t"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:aws:dynamodb:us-east-1:123456789012:table/App-Table"),
        ({"Fn::GetAtt": "Function.Arn"}, "arn:aws:lambda:us-east-1:123456789012:function:App-Function"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Size"}, 1]]}, "a-small-1"),
        ({"Fn::Join": ["+", {"Ref": "Names"}]}, "a+b"),
        ({"Fn::Sub": "${AWS::Partition} ${Table} ${Table.Arn} ${!Literal}"},
         "aws App-Table arn:aws:dynamodb:us-east-1:123456789012:table/App-Table ${Literal}"),
        ({"Fn::Sub": ["${a}/${Size}", {"a": {"Ref": "AWS::URLSuffix"}}]}, "amazonaws.com/small"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "x,y,z"]}]}, "y"),
        ({"Fn::If": ["Small", 1, 2]}, 1),
        ({"Fn::If": ["Large", 1, 2]}, 2),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Size"}, "memory"]}, 128),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"a": [{"Ref": "AWS::NoValue"}, 1], "b": {"Ref": "AWS::NoValue"}}, {"a": [1]}),
        ({"Ref": "Size", "and": "more"}, {"Ref": "Size", "and": "more"}),
        ("plain", "plain"),
    ],
)  # fmt: skip
def test_intrinsic_functions_are_resolved(value: object, resolved: object) -> None:
    assert STACK.resolve(value) == resolved


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Ref": "Nothing"}, "Nothing"),
        ({"Ref": ["Size"]}, "Ref"),
        ({"Ref": "Secret"}, "the parameter Secret has no value"),
        ({"Ref": "Image"}, "the parameter Image has the type AWS::SSM::Parameter::Value<String>"),
        ({"Fn::GetAtt": ["Table", "Colour"]}, "Table.Colour"),
        ({"Fn::GetAtt": []}, "GetAtt"),
        ({"Fn::Transform": {}}, "Fn::Transform is not supported"),
        ({"Fn::Join": "x"}, "Fn::Join"),
        ({"Fn::Join": ["", [{"a": 1}]]}, "expected text"),
        ({"Fn::Select": [9, ["a"]]}, "Fn::Select"),
        ({"Fn::FindInMap": ["Sizes", "none", "memory"]}, "Fn::FindInMap"),
        ({"Fn::If": ["Nobody", 1, 2]}, "Nobody"),
        ({"Fn::If": [{"Fn::Equals": 1}, 1, 2]}, "condition"),
    ],
)
def test_what_cannot_be_resolved_is_one_clear_line(value: object, text: str) -> None:
    stack = Stack("App", TEMPLATE | {"Resources": TEMPLATE["Resources"] | {
        "Broken": {"Type": "AWS::Lambda::Function", "Properties": {"Timeout": value}}}})  # type: ignore[operator]  # fmt: skip
    with pytest.raises(LocalError) as error:
        stack.property("Broken", "Timeout")
    assert str(error.value).startswith("App.Broken: ")
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_a_resource_that_names_itself_is_an_error() -> None:
    with pytest.raises(LocalError, match=r"App\.Selfish: Selfish refers to itself"):
        STACK.ref("Selfish")


def test_resources_whose_condition_is_false_do_not_exist() -> None:
    assert list(STACK.resources("AWS::Lambda::Function")) == ["Function"]
    assert list(Stack("App", TEMPLATE, {"Size": "large"}).resources("AWS::Lambda::Function")) == ["Function", "Only"]


def test_an_apis_id_is_shaped_as_awss_and_stays_the_same() -> None:
    assert STACK.ref("Api") == Stack("App", TEMPLATE).ref("Api")
    assert STACK.ref("Api") != Stack("Other", TEMPLATE).ref("Api")
    assert len(STACK.ref("Api")) == 10
    assert STACK.ref("Api").isalnum()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"Resources":[]}', "[" * 100_000, "Resources:\n  A: 1"])
def test_a_file_that_is_no_template_is_one_clear_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(LocalError, match=r"t\.json is not a ") as error:
        Stack.read("App", path)
    assert "\n" not in str(error.value)


names = st.sampled_from(["Ref", "Fn::GetAtt", "Fn::Join", "Fn::Sub", "Fn::Select", "Fn::Split", "Fn::If",
                         "Fn::FindInMap", "Fn::Base64", "Fn::ImportValue", "Fn::Cidr", "other"])  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    | st.sampled_from(["Table", "Function.Arn", "Size", "Small", "AWS::NoValue", "${Table}", "${AWS::Region}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=2),
    max_leaves=12,
)  # fmt: skip


@given(values)
def test_any_value_is_resolved_or_refused_in_one_line(value: Any) -> None:
    try:
        json.dumps(STACK.resolve(value))
    except LocalError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_a_value_is_imported_from_the_stack_that_exports_it() -> None:
    exporting = Stack(
        "Base",
        TEMPLATE
        | {
            "Outputs": {
                "Other": {"Value": "other"},
                "Table": {"Value": {"Ref": "Table"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}:Table"}}},
            }
        },
    )
    importing = Stack("App", TEMPLATE)
    importing.siblings = [exporting]
    assert importing.resolve({"Fn::ImportValue": {"Fn::Join": [":", ["Base", "Table"]]}}) == "Base-Table"
    with pytest.raises(LocalError, match="no stack here exports 'Nothing'"):
        importing.resolve({"Fn::ImportValue": "Nothing"})
