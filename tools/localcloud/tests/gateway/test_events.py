from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localcloud.gateway import events
from localcloud.gateway.effects import Handshake
from localcloud.gateway.events import Caller
from localcloud.gateway.model import Api
from localcloud.gateway.selection import parse

GOLDEN = Path(__file__).with_name("events")
API = Api("abcde12345", "prod", "eu-west-1", parse("$request.body.action"), {})
CONNECTED = 1_708_326_702.183
CALLER = Caller("TXzPWdnOjoECGjA=", CONNECTED, "203.0.113.9", "test/1.0")
HEADERS = (
    ("Host", "127.0.0.1:4001"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Origin", "https://app.example"),
    ("Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw=="),
    ("Sec-WebSocket-Version", "13"),
    ("User-Agent", "test/1.0"),
    ("X-Twice", "one"),
    ("X-Twice", "two"),
)


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def test_connect_event() -> None:
    handshake = Handshake("/prod", "", HEADERS, "203.0.113.9")
    assert events.connect(API, CALLER, handshake, "TXzPWFkkjoEF92g=", CONNECTED + 0.001) == golden("connect")


def test_connect_event_with_a_query() -> None:
    handshake = Handshake("/prod", "k=v1&k=last%20value&empty=", HEADERS, "203.0.113.9")
    event = events.connect(API, CALLER, handshake, "TXzPWFkkjoEF92g=", CONNECTED + 0.001)
    assert event == golden("connect") | golden("query")


def test_message_event() -> None:
    event = events.message(API, CALLER, "$default", '{"a":"é"}', "TXzQ1hkojoEF1Rg=", "TXzQ1dnyDoECGjA=", CONNECTED + 7)
    assert event == golden("message")


def test_disconnect_event() -> None:
    event = events.disconnect(API, CALLER, 1001, "Going away", "TXzR3FqpjoEFUFg=", CONNECTED + 603.9)
    assert event == golden("disconnect")


def test_a_client_without_a_user_agent_has_none_in_its_identity() -> None:
    event = events.message(API, replace(CALLER, user_agent=None), "$default", "", "r", "m", CONNECTED)
    assert event["requestContext"]["identity"] == {"sourceIp": "203.0.113.9"}


@pytest.mark.parametrize("variables", [{"table": "one"}])
def test_stage_variables_are_there_when_the_stage_has_some(variables: dict[str, str]) -> None:
    event = events.message(replace(API, stage_variables=variables), CALLER, "$default", "", "r", "m", CONNECTED)
    assert event["stageVariables"] == variables
