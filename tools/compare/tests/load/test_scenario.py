"""Scenario files, read strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compare.errors import CompareError
from compare.files import shipped
from compare.load.scenario import KINDS, SHIPPED, load, parse

if TYPE_CHECKING:
    from pathlib import Path

ECHO = "kind: echo\nconnections: 2\nrate: 5\nduration: 3\n"
MIXED = "kind: mixed\nconnections: 2\nrate: 5\nduration: 3\n"


def test_there_is_a_shipped_scenario_of_every_kind() -> None:
    assert {load(name).kind for name in shipped(SHIPPED)} == set(KINDS)


def test_what_is_left_out_has_a_default() -> None:
    scenario = parse("it", ECHO.encode())
    assert (scenario.shape, scenario.message_bytes, scenario.actions) == ("constant", 64, {"echo": 1})
    assert not scenario.needs_session


def test_an_echo_and_a_publish_need_sessions_together() -> None:
    assert parse("it", (MIXED + "mix: {echo: 1, publish: 2}\n").encode()).needs_session


def test_the_command_line_overrides_the_file() -> None:
    changed = parse("it", ECHO.encode()).overridden(7, 1.5, 10)
    assert (changed.connections, changed.rate, changed.duration) == (7, 1.5, 10)


def test_a_shortened_spike_is_refused() -> None:
    text = ECHO + "shape: spike\nspike_rate: 50\nspike_start: 1\nspike_seconds: 1\n"
    scenario = parse("it", text.encode())
    assert scenario.segments == [(1, 5, 5), (1, 50, 50), (1, 5, 5)]
    with pytest.raises(CompareError, match="past the duration of 1 s"):
        scenario.overridden(None, None, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it: not a scenario: give keys"),
        ("- a\n", "it: not a scenario"),
        ("kind: [", "it: line 1: "),
        ("a: &a 1\nb: *a\n", "it: line 2: aliases are not taken"),
        (ECHO + "rate: 6\n", "it: line 5: rate is there twice"),
        (ECHO + "conections: 3\n", "it: conections: unknown field; did you mean connections?"),
        (ECHO + "1: 3\n", "it: 1: unknown field; known are connect_rate, "),
        ("kind: ehco\nconnections: 2\nduration: 3\n", "it: kind: invalid enum value 'ehco'; did you mean echo?"),
        ("connections: 2\nduration: 3\n", "it: object missing required field kind"),
        ("kind: echo\nconnections: 2\nduration: 3\n", "it: rate is missing"),
        (ECHO.replace("2", "2.5"), "it: connections: expected int, got float; it is '2.5'"),
        (ECHO.replace("2", "yes"), "it: connections: expected int, got bool; it is 'True'"),
        (ECHO.replace("2", "0"), "it: connections: expected int >= 1; it is '0'"),
        (ECHO.replace("rate: 5", "rate: .nan"), "it: rate: expected float >= 0.001; it is 'nan'"),
        (ECHO.replace("rate: 5", f"rate: 1{'0' * 400}"), "it: rate: number out of range; it is '10000000000000000000"),
        (ECHO.replace("rate: 5", "rate: fast"), "it: rate: expected float, got str; it is 'fast'"),
        (ECHO + "message_bytes: 40000\n", "it: message_bytes: expected int <= 30000; it is '40000'"),
        (ECHO + "kill_seconds: 0.1\n", "it: kill_seconds: expected float >= 0.5; it is '0.1'"),
        (ECHO + "shape: spike\n", "it: spike_rate is missing: a spike needs it"),
        (ECHO + "from_rate: 1\n", "it: from_rate goes with shape: ramp only"),
        (ECHO + "mix: {echo: 1}\n", "it: mix goes with kind: mixed only"),
        (MIXED, "it: mix is missing: weights of echo, ping"),
        (MIXED + "mix: {}\n", "it: mix is missing: weights of echo, ping"),
        (MIXED + "mix: {sned: 1}\n", "it: mix: invalid enum value 'sned'; did you mean send?"),
        (MIXED + "mix: {send: 0}\n", "it: mix[...]: expected float > 0.0; it is \"{'send': 0}\""),
        ("kind: idle\nconnections: 2\nduration: 3\nrate: 1\n", "it: an idle hold sends keep-alives only"),
        ("kind: direct\nconnections: 1\nduration: 3\nrate: 1\n", "it: connections: direct needs 2 or more"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_key(text: str, message: str) -> None:
    with pytest.raises(CompareError) as caught:
        parse("it", text.encode())
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_what_is_not_text_or_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_bytes(b"\xff\xfe\x00kind")
    with pytest.raises(CompareError, match="not YAML"):
        load(str(path))
    path.write_bytes(b"#" * 70_000)
    with pytest.raises(CompareError, match="larger than 64 KiB"):
        load(str(path))
    with pytest.raises(CompareError, match="cannot be read"):
        load(str(tmp_path))
