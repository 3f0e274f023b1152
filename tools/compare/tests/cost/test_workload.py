"""Options within their limits, and outside of them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from compare.cost import workload
from compare.cost.workload import Workload
from compare.errors import CompareError


def test_options_not_given_have_the_models_defaults() -> None:
    assert workload.read("10", "0.5") == Workload(
        connections=Decimal(10),
        rate=Decimal("0.5"),
        message_bytes=Decimal(256),
        deliveries=Decimal(1),
        minutes=Decimal(60),
        tls="balancer",
        free_tier=False,
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"connections": "0"}, "--connections: '0' is not a whole number from 1 to 100,000,000"),
        ({"connections": "100000001"}, "--connections: '100000001' is not a whole number from 1 to 100,000,000"),
        ({"connections": "1.5"}, "--connections: '1.5' is not a whole number from 1 to 100,000,000"),
        ({"connections": "many"}, "--connections: 'many' is not a whole number from 1 to 100,000,000"),
        ({"connections": "nan"}, "--connections: 'nan' is not a whole number from 1 to 100,000,000"),
        ({"rate": "-1"}, "--messages-per-minute: '-1' is not a number from 0 to 6,000"),
        ({"rate": "6000.1"}, "--messages-per-minute: '6000.1' is not a number from 0 to 6,000"),
        ({"rate": "inf"}, "--messages-per-minute: 'inf' is not a number from 0 to 6,000"),
        ({"message_bytes": "131073"}, "--message-bytes: '131073' is not a whole number from 1 to 131,072"),
        ({"deliveries": "10001"}, "--deliveries: '10001' is not a number from 0 to 10,000"),
        ({"minutes": "0"}, "--connection-minutes: '0' is not a number from 0.001 to 43,800"),
        ({"minutes": "43801"}, "--connection-minutes: '43801' is not a number from 0.001 to 43,800"),
        ({"tls": "both"}, "--tls: 'both' is neither balancer nor pod"),
    ],
)
def test_an_option_out_of_range_is_named_with_its_limits(options: dict[str, str], complaint: str) -> None:
    given = {"connections": "10", "rate": "1"} | options
    with pytest.raises(CompareError) as caught:
        workload.read(given.pop("connections"), given.pop("rate"), **given)  # type: ignore[arg-type]
    assert str(caught.value) == complaint


def test_the_limits_themselves_are_within_range() -> None:
    workload.read("1", "0", message_bytes="1", deliveries="0", minutes="0.001")
    workload.read("100000000", "6000", message_bytes="131072", deliveries="10000", minutes="43800", tls="pod")
