"""What is to be sent: a small YAML file, read strictly."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from compare import files
from compare.errors import CompareError

SHIPPED = Path(__file__).with_name("scenarios")

#: What each kind does at each of its turns, by weight.
KINDS: dict[str, dict[str, float]] = {
    "echo": {"echo": 1},
    "idle": {"ping": 1},
    "storm": {},
    "broadcast": {"publish": 1},
    "direct": {"send": 1},
    "work": {"work": 1},
    "churn": {"reconnect": 1},
    "mixed": {},
}
ACTIONS = ("echo", "ping", "publish", "send", "work", "reconnect")
SHAPES = ("constant", "ramp", "spike")

_MOST_KIB = 64
_KEEP_ALIVE = 240  # seconds; API Gateway closes what is silent for ten minutes
_LIMITS: dict[str, tuple[float, float]] = {
    "connections": (1, 1_000_000),
    "rate": (0.001, 1_000_000),
    "duration": (1, 86_400),
    "from_rate": (0, 1_000_000),
    "spike_rate": (0.001, 1_000_000),
    "spike_start": (0, 86_400),
    "spike_seconds": (0.1, 86_400),
    "connect_rate": (0.1, 100_000),
    "message_bytes": (24, 30_000),  # API Gateway takes frames of 32 KB
    "room_members": (2, 1000),
    "patience": (0.1, 600),
    "kill_seconds": (0.5, 86_400),
}
_WHOLE = {"connections", "message_bytes", "room_members"}
_ONLY_WITH = {
    "from_rate": ("shape", ("ramp",)),
    "spike_rate": ("shape", ("spike",)),
    "spike_start": ("shape", ("spike",)),
    "spike_seconds": ("shape", ("spike",)),
    "room_members": ("kind", ("broadcast", "mixed")),
    "mix": ("kind", ("mixed",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A load. A key of the file is a field's name; there are no others.

    kind: one of KINDS.
    connections: how many are held; for `storm`, how many come at most.
    rate: turns a second over all connections: messages; reconnects for `churn`, connects for `storm`. `idle` sends a
        keep-alive every four minutes, and has no rate of its own.
    duration: seconds of it.
    shape: `constant`; `ramp` from `from_rate` up to `rate`; `spike` to `spike_rate`, `spike_seconds` long from
        `spike_start`.
    connect_rate: connects a second before the load begins.
    message_bytes: of an echo's frame, or of the `data` of what is published, sent or worked on.
    room_members: connections to a room.
    mix: for `mixed`, the weight of each action.
    patience: seconds to wait at the end for what has not come.
    kill_seconds: every so often a process of the server's backend is killed, where it runs here; 0 for never.
    """

    kind: str
    connections: int
    rate: float = 0.0
    duration: float
    shape: str = "constant"
    from_rate: float = 0.0
    spike_rate: float = 0.0
    spike_start: float = 0.0
    spike_seconds: float = 0.0
    connect_rate: float = 100.0
    message_bytes: int = 64
    room_members: int = 10
    mix: Mapping[str, float] = field(default_factory=dict)
    patience: float = 10.0
    kill_seconds: float = 0.0

    @property
    def actions(self) -> Mapping[str, float]:
        """What is done at a turn, by weight."""
        return self.mix or KINDS[self.kind]

    @property
    def needs_session(self) -> bool:
        """Whether connections speak the protocol of docs/client.md. Echoes and pings need none."""
        return not set(self.actions) <= {"echo", "ping"}

    @property
    def segments(self) -> list[tuple[float, float, float]]:
        """The rate as segments of (seconds, turns a second at the beginning, at the end)."""
        if self.kind == "idle":
            each = self.connections / _KEEP_ALIVE
            return [(self.duration, each, each)]
        if self.shape == "ramp":
            return [(self.duration, self.from_rate, self.rate)]
        if self.shape == "spike":
            after = self.duration - self.spike_start - self.spike_seconds
            segments = [(self.spike_start, self.rate), (self.spike_seconds, self.spike_rate), (after, self.rate)]
            return [(seconds, rate, rate) for seconds, rate in segments if seconds > 0]
        return [(self.duration, self.rate, self.rate)]

    def overridden(self, connections: int | None, rate: float | None, duration: float | None) -> Scenario:
        """With what the command line says instead. Raises CompareError."""
        given = {"connections": connections, "rate": rate, "duration": duration}
        changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        for key, value in changes.items():
            _number(f"--{key}", key, value)
        if "rate" in changes and self.kind == "idle":
            raise CompareError("--rate: an idle hold sends keep-alives only; leave it out, or choose another kind")
        changed = replace(self, **changes)
        _check_shape("the command line", changed)
        return changed


def load(name: str) -> Scenario:
    """A scenario by the path of its file, or by the name of a shipped one. Raises CompareError."""
    path = files.scenario(name, SHIPPED)
    return parse(name, files.read(path, most_kib=_MOST_KIB, what="not a scenario", name=name))


def parse(name: str, data: bytes) -> Scenario:
    """A scenario from the YAML in a file that is called so. Raises CompareError: one line, with the key."""
    document = _document(name, data)
    known = [item.name for item in fields(Scenario)]
    for key in document:
        if key not in known:
            raise CompareError(f"{name}: {_unknown('key', str(key), known)}")
    for key in ("kind", "connections", "duration"):
        if key not in document:
            raise CompareError(f"{name}: {key} is missing")
    values: dict[str, Any] = {key: _value(name, key, value) for key, value in document.items()}
    scenario = Scenario(**values)
    for key, (other, allowed) in _ONLY_WITH.items():
        if key in values and getattr(scenario, other) not in allowed:
            raise CompareError(f"{name}: {key} goes with {other}: {' or '.join(allowed)} only")
    if scenario.kind == "mixed" and not scenario.mix:
        raise CompareError(f"{name}: mix is missing: weights of {', '.join(ACTIONS)}")
    if scenario.kind == "idle" and {"rate", "shape"} & set(values):
        raise CompareError(f"{name}: an idle hold sends keep-alives only: leave rate and shape out")
    if scenario.kind != "idle" and "rate" not in values:
        raise CompareError(f"{name}: rate is missing")
    _check_shape(name, scenario)
    return scenario


def _check_shape(name: str, scenario: Scenario) -> None:
    if scenario.shape == "spike":
        for key in ("spike_rate", "spike_seconds"):
            if not getattr(scenario, key):
                raise CompareError(f"{name}: {key} is missing: a spike needs it")
        if scenario.spike_start + scenario.spike_seconds > scenario.duration:
            raise CompareError(f"{name}: spike_start + spike_seconds is past the duration of {scenario.duration:g} s")
    if {"publish", "send", "reconnect"} & set(scenario.actions) and scenario.connections < 2:
        raise CompareError(f"{name}: connections: {scenario.kind} needs 2 or more")


def _value(name: str, key: str, value: object) -> object:
    where = f"{name}: {key}"
    if key == "kind":
        return _choice(name, key, value, list(KINDS))
    if key == "shape":
        return _choice(name, key, value, list(SHAPES))
    if key == "mix":
        return _mix(where, value)
    return _number(where, key, value)


def _number(where: str, key: str, value: object) -> float:
    low, high = _LIMITS[key]
    whole = key in _WHOLE
    if not isinstance(value, int | float) or isinstance(value, bool) or (whole and not isinstance(value, int)):
        raise CompareError(f"{where}: {str(value)[:40]!r} is not a {'whole ' if whole else ''}number")
    if not low <= value <= high:
        raise CompareError(f"{where}: {_shown(value)} is not between {low:g} and {high:.0f}")
    return value if whole else float(value)


def _shown(value: float) -> str:
    return str(value)[:20] if isinstance(value, int) else f"{value:g}"


def _choice(name: str, key: str, value: object, allowed: list[str]) -> str:
    if value not in allowed:
        raise CompareError(f"{name}: {_unknown(key, str(value), allowed)}")
    return str(value)


def _mix(where: str, value: object) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise CompareError(f"{where}: give weights, as in {{echo: 70, publish: 30}}")
    for action, weight in value.items():
        if action not in ACTIONS:
            raise CompareError(f"{where}: {_unknown('action', str(action), list(ACTIONS))}")
        right = isinstance(weight, int | float) and not isinstance(weight, bool) and 0 < weight <= 1_000_000
        if not right:
            raise CompareError(f"{where}: {action}: {weight!r} is not a weight between 0 and 1000000")
    return {str(action): float(weight) for action, weight in value.items()}


def _unknown(what: str, value: str, known: list[str]) -> str:
    close = difflib.get_close_matches(value, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"unknown {what} {value[:60]!r}{hint} (known: {', '.join(known)})"


class _Loader(yaml.SafeLoader):
    """YAML without aliases, and without a key that is given twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not taken", problem_mark=self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                raise yaml.MarkedYAMLError(
                    problem=f"{key} is there twice", problem_mark=node.value[place][0].start_mark
                )
        return super().construct_mapping(node, deep)


def _document(name: str, data: bytes) -> dict[Any, Any]:
    try:
        document = yaml.load(data.decode("utf-8-sig"), _Loader)  # noqa: S506 - it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark is not None else ""
        raise CompareError(f"{name}: {line}{error.problem or 'not YAML'}") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise CompareError(f"{name}: not YAML: {' '.join(str(error).split())[:100]}") from None
    if not isinstance(document, dict):
        raise CompareError(f"{name}: not a scenario: give keys, as in `kind: echo`")
    return document
