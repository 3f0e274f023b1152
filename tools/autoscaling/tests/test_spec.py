"""Specs are strict, and an error says where."""

import msgspec
import pytest

from autoscaling.behavior import Behavior, ScaleDown
from autoscaling.spec import SpecError, milli, parse, parse_json, quantity


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"scaleDwn": {}}, "behavior.scaleDwn: unknown field; did you mean scaleDown?"),
        (
            {"scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSecond": 60}]}},
            "behavior.scaleUp.policies[0].periodSecond: unknown field; did you mean periodSeconds?",
        ),
        ({"zzz": 1}, "behavior.zzz: unknown field; known are scaleDown, scaleUp"),
        (
            {"scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 1801}]}},
            "behavior.scaleUp.policies[0].periodSeconds: expected int <= 1800",
        ),
        (
            {"scaleDown": {"stabilizationWindowSeconds": 3601}},
            "behavior.scaleDown.stabilizationWindowSeconds: expected int <= 3600",
        ),
        ({"scaleDown": {"policies": []}}, "behavior.scaleDown.policies: expected array of length >= 1"),
        (
            {"scaleDown": {"selectPolicy": "max"}},
            "behavior.scaleDown.selectPolicy: invalid enum value 'max'; did you mean Max?",
        ),
        ({"scaleDown": {"tolerance": -1}}, "behavior.scaleDown: tolerance must not be negative"),
        ({"scaleDown": {"tolerance": "5 %"}}, "behavior.scaleDown: not a quantity: '5 %'"),
        ([], "behavior: expected object, got array"),
    ],
)
def test_a_wrong_behavior_is_refused_with_its_place(raw: object, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(raw, Behavior, "behavior")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "line"), [(b'{"scaleUp":\n\n ', 3), (b'{\n"scaleUp": {},,\n}', 2), (b'{"scaleUp": {}} x', 1), (b"\xff", 1)]
)
def test_text_that_is_not_json_is_an_error_with_its_line(text: bytes, line: int) -> None:
    with pytest.raises(SpecError, match=rf"f\.json: not JSON, line {line}: "):
        parse_json(text, Behavior, "f.json")


def test_what_is_not_said_takes_the_defaults_of_autoscaling_v2() -> None:
    behavior = parse({"scaleUp": {"stabilizationWindowSeconds": 60}}, Behavior)
    assert behavior.scale_up.stabilization_window_seconds == 60
    assert [(policy.type, policy.value, policy.period_seconds) for policy in behavior.scale_up.policies] == [
        ("Percent", 100, 15),
        ("Pods", 4, 15),
    ]
    assert behavior.scale_down == ScaleDown()
    assert msgspec.to_builtins(behavior.scale_down) == {
        "stabilizationWindowSeconds": 300,
        "selectPolicy": "Max",
        "policies": ({"type": "Percent", "value": 100, "periodSeconds": 15},),
        "tolerance": None,
    }


@pytest.mark.parametrize(
    ("text", "value"), [("0.05", 0.05), ("50m", 0.05), ("6k", 6000), ("128Mi", 128 * 2**20), (3, 3), (".5", 0.5)]
)
def test_quantities_are_read_as_kubernetes_writes_them(text: str | int, value: float) -> None:
    assert quantity(text) == pytest.approx(value)


@pytest.mark.parametrize(("value", "thousandths"), [(3, 3000), (0.57, 570), (1.1, 1100), (0.0001, 1), (0.0, 0)])
def test_thousandths_are_rounded_up(value: float, thousandths: int) -> None:
    assert milli(value) == thousandths
