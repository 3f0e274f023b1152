"""What is to be sent: a small YAML file, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
import yaml
from msgspec import Meta

from autoscaling.spec import SpecError
from autoscaling.spec import parse as convert
from compare import files
from compare.errors import CompareError

SHIPPED = Path(__file__).with_name("scenarios")

Action = Literal["echo", "ping", "publish", "send", "work", "reconnect"]
Kind = Literal["echo", "idle", "storm", "broadcast", "direct", "work", "churn", "mixed"]
Weight = Annotated[float, Meta(gt=0, le=1_000_000)]
Rate = Annotated[float, Meta(ge=0.001, le=1_000_000)]

#: What each kind does at each of its turns, by weight.
KINDS: dict[Kind, dict[Action, float]] = {
    "echo": {"echo": 1},
    "idle": {"ping": 1},
    "storm": {},
    "broadcast": {"publish": 1},
    "direct": {"send": 1},
    "work": {"work": 1},
    "churn": {"reconnect": 1},
    "mixed": {},
}

_MOST_KIB = 64
_KEEP_ALIVE = 240  # seconds; API Gateway closes what is silent for ten minutes
_ONLY_WITH = {
    "from_rate": ("shape", ("ramp",)),
    "spike_rate": ("shape", ("spike",)),
    "spike_start": ("shape", ("spike",)),
    "spike_seconds": ("shape", ("spike",)),
    "room_members": ("kind", ("broadcast", "mixed")),
    "mix": ("kind", ("mixed",)),
}


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
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

    kind: Kind
    connections: Annotated[int, Meta(ge=1, le=1_000_000)]
    rate: Rate = 0.0
    duration: Annotated[float, Meta(ge=1, le=86_400)]
    shape: Literal["constant", "ramp", "spike"] = "constant"
    from_rate: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    spike_rate: Rate = 0.0
    spike_start: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    spike_seconds: Annotated[float, Meta(ge=0.1, le=86_400)] = 0.0
    connect_rate: Annotated[float, Meta(ge=0.1, le=100_000)] = 100.0
    message_bytes: Annotated[int, Meta(ge=24, le=30_000)] = 64  # API Gateway takes frames of 32 KB
    room_members: Annotated[int, Meta(ge=2, le=1000)] = 10
    mix: dict[Action, Weight] = {}
    patience: Annotated[float, Meta(ge=0.1, le=600)] = 10.0
    kill_seconds: Annotated[float, Meta(ge=0.5, le=86_400)] = 0.0

    @property
    def actions(self) -> Mapping[Action, float]:
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
        _checked("--", {"kind": self.kind, "connections": self.connections, "duration": self.duration, **changes})
        if "rate" in changes and self.kind == "idle":
            raise CompareError("--rate: an idle hold sends keep-alives only; leave it out, or choose another kind")
        changed = msgspec.structs.replace(self, **changes)
        _check_shape("the command line", changed)
        return changed


def load(name: str) -> Scenario:
    """A scenario by the path of its file, or by the name of a shipped one. Raises CompareError."""
    path = files.scenario(name, SHIPPED)
    return parse(name, files.read(path, most_kib=_MOST_KIB, what="not a scenario", name=name))


def parse(name: str, data: bytes) -> Scenario:
    """A scenario from the YAML in a file that is called so. Raises CompareError: one line, with the key."""
    document = _document(name, data)
    scenario = _checked(f"{name}: ", document)
    for key, (other, allowed) in _ONLY_WITH.items():
        if key in document and getattr(scenario, other) not in allowed:
            raise CompareError(f"{name}: {key} goes with {other}: {' or '.join(allowed)} only")
    if scenario.kind == "mixed" and not scenario.mix:
        raise CompareError(f"{name}: mix is missing: weights of {', '.join(get_args(Action))}")
    if scenario.kind == "idle" and {"rate", "shape"} & set(document):
        raise CompareError(f"{name}: an idle hold sends keep-alives only: leave rate and shape out")
    if scenario.kind != "idle" and "rate" not in document:
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


def _checked(before: str, document: dict[str, Any]) -> Scenario:
    """Check each key by itself. Raises CompareError: after `before` the key, what it has to be, and what it is."""
    try:
        return convert(document, Scenario)
    except SpecError as error:
        key = error.where.partition("[")[0]
        value = f"; it is {str(document[key])[:40]!r}" if key in document and key in Scenario.__struct_fields__ else ""
        raise CompareError(f"{before}{error}{value}") from None


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


def _document(name: str, data: bytes) -> dict[str, Any]:
    try:
        document = yaml.load(data.decode("utf-8-sig"), _Loader)  # noqa: S506 - it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark is not None else ""
        raise CompareError(f"{name}: {line}{error.problem or 'not YAML'}") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise CompareError(f"{name}: not YAML: {' '.join(str(error).split())[:100]}") from None
    if not isinstance(document, dict):
        raise CompareError(f"{name}: not a scenario: give keys, as in `kind: echo`")
    return {str(key): value for key, value in document.items()}
