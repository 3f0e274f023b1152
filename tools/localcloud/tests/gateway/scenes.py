"""A gateway without sockets, and short ways to play the shell around it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

from localcloud.gateway import vtl
from localcloud.gateway.core import Gateway
from localcloud.gateway.effects import (
    Accept,
    Effect,
    Fetch,
    Handshake,
    Invoke,
    Log,
    Outcome,
    Reject,
    Responded,
    Returned,
    Send,
)
from localcloud.gateway.mapping import ResponseKeys
from localcloud.gateway.model import Api, Integration, Responses, Route, Templates
from localcloud.gateway.selection import parse
from localcloud.gateway.settings import Settings

NOW = 1_708_326_702.183


def api(*routes: Route, **properties: Any) -> Api:
    """An API with these routes, on stage `prod`."""
    given = {"id": "abcde12345", "stage": "prod", "region": "us-east-1"} | properties
    selection = given.pop("selection", parse("$request.body.action"))
    return Api(**given, selection=selection, routes={route.key: route for route in routes})


def templates(passthrough: Any = "WHEN_NO_MATCH", selection: str | None = None, **by_key: str) -> Templates:
    """Mapping templates; the key `default` stands for `$default`."""
    compiled = {"$default" if key == "default" else key: vtl.compile(text) for key, text in by_key.items()}
    return Templates(compiled, parse(selection, response=True) if selection else None, passthrough)


def responses(**by_key: Templates | str | None) -> Responses:
    """Integration responses: `$default` is `default`, and `_4xx` is `/4../`. A text is a `$default` template."""
    names = {"default": "$default", "_4xx": "/4../", "_200": "/200/", "_bad": "/.*bad.*/"}
    made = {
        names[key]: value if isinstance(value, Templates) else templates(**({"default": value} if value else {}))
        for key, value in by_key.items()
    }
    return Responses(ResponseKeys(list(made)), made)


def mock(status: int = 200, reply: str | None = None, **properties: Any) -> Integration:
    """A MOCK integration that answers with this status."""
    asked = templates(default=json.dumps({"statusCode": status}))
    return Integration(kind="MOCK", templates=asked, responses=responses(default=reply), **properties)


class Scene:
    """A gateway and the one connection that most tests need."""

    def __init__(self, api: Api, faults: Any = lambda _: False, **settings: Any) -> None:
        numbers = itertools.count(1)
        self.measured: dict[str, float] = {}
        api = replace(api, settings=replace(Settings(), **settings))
        self.gateway = Gateway(api, lambda _: f"id{next(numbers)}", self._measure, faults)

    def _measure(self, name: str, value: float, route: str | None) -> None:
        del route
        self.measured[name] = self.measured.get(name, 0) + value

    def ask(self, path: str = "/prod", query: str = "", now: float = NOW, **headers: str) -> tuple[str, list[Effect]]:
        """Send a handshake; `_` in a header's name stands for `-`."""
        pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return self.gateway.handshake(Handshake(path, query, pairs, "203.0.113.9"), now)

    def opened(self, **headers: str) -> str:
        """A connection that nobody has to be asked about, or that an empty 200 lets in."""
        connection_id, effects = self.ask("/prod", "", NOW, **headers)
        if called := calls(effects):
            effects = self.gateway.completed(called[0].call_id, success(called[0]), NOW)
        assert Accept(connection_id, None) in effects
        return connection_id

    def says(self, text: str, *outcomes: Outcome, connection_id: str | None = None, now: float = NOW) -> list[Effect]:
        """What comes of a message, once its call has ended so."""
        effects = self.gateway.receive(connection_id or self.opened(), text, now)
        for call, outcome in zip(calls(effects), outcomes, strict=True):
            effects = self.gateway.completed(call.call_id, outcome, now)
        return effects


def calls(effects: list[Effect]) -> list[Invoke | Fetch]:
    return [effect for effect in effects if isinstance(effect, Invoke | Fetch)]


def call(effects: list[Effect]) -> Any:
    """The only call among effects."""
    (only,) = calls(effects)
    return only


def success(called: Invoke | Fetch) -> Outcome:
    return Returned(b'{"statusCode":200}') if isinstance(called, Invoke) else Responded(200, (), b"")


def frames(effects: list[Effect]) -> list[str | bytes]:
    return [effect.data for effect in effects if isinstance(effect, Send)]


def refused(effects: list[Effect]) -> int:
    """The status that a handshake is refused with."""
    (reject,) = [effect for effect in effects if isinstance(effect, Reject)]
    return reject.status


def logged(effects: list[Effect]) -> list[str]:
    return [effect.line for effect in effects if isinstance(effect, Log)]
