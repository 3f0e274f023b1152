from __future__ import annotations

from typing import Any

import pytest
from botocore.session import get_session

from localcloud.aws.shapes import UnexpectedError, encoder


@pytest.fixture(scope="module")
def shape() -> Any:
    return get_session().get_service_model("dynamodb").operation_model("UpdateItem").output_shape


def test_plain_data_is_encoded_by_its_shape(shape: Any) -> None:
    result = {
        "Attributes": {"b": {"B": b"\xff"}, "list": {"L": [{"M": {"x": {"BOOL": True}}}, {"BS": [b"a"]}]}},
        "ConsumedCapacity": {"TableName": "T", "CapacityUnits": 1},
        "ItemCollectionMetrics": None,
    }
    assert encoder(shape)(result) == {
        "Attributes": {"b": {"B": "/w=="}, "list": {"L": [{"M": {"x": {"BOOL": True}}}, {"BS": ["YQ=="]}]}},
        "ConsumedCapacity": {"TableName": "T", "CapacityUnits": 1.0},
    }


@pytest.mark.parametrize(
    "result",
    [
        None,
        {"attributes": {}},
        {"Attributes": object()},
        {"Attributes": {"n": {"N": 1}}},
        {"Attributes": {"n": None}},
        {"Attributes": {"b": {"B": "text"}}},
        {"Attributes": {"list": {"L": ({"S": "x"},)}}},
        {"Attributes": {"flag": {"BOOL": 1}}},
        {"ConsumedCapacity": {"CapacityUnits": "1"}},
    ],
)
def test_anything_else_is_left_to_motos_serializer(shape: Any, result: Any) -> None:
    with pytest.raises(UnexpectedError):
        encoder(shape)(result)


def test_an_operation_may_answer_nothing() -> None:
    assert encoder(None)(None) == {}
    with pytest.raises(UnexpectedError):
        encoder(None)({})
