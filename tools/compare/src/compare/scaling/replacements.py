"""What a run puts in the place of a scenario's numbers: what a socket costs a pod, and a message a function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from compare.cost.measured_inputs import MeasuredInput
from compare.scaling.scenario import Autoscaler, Lambda, Scenario


@dataclass(frozen=True, slots=True)
class Replaced:
    """A field of the scenario, as docs/scaling.md calls it."""

    field: str
    value: float
    was: float | None
    source: str

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"field": self.field, "value": self.value, "was": self.was, "from": self.source}

    def __str__(self) -> str:
        was = "nothing" if self.was is None else f"{self.was:g}"
        return f"{self.field} {self.value:g} instead of {was}: {self.source}"


def applied(scenario: Scenario, measured: Sequence[MeasuredInput]) -> tuple[Scenario, list[Replaced]]:
    """The scenario with what was measured, and what that was.

    A pod's capacity becomes what its memory has room for, where that is less. Of a handshake, a message and a frame
    only those that the run measured are taken.
    """
    given = {one.key: one for one in measured}
    found: list[Replaced] = []
    pod = scenario.pod
    changes: dict[str, float] = {}

    def take(field: str, name: str, value: float, source: str) -> None:
        value = float(f"{value:.4g}")
        found.append(Replaced(f"pod.{field}", value, getattr(pod, name), source))
        changes[name] = value

    if (kib := given.get("sockets.kib")) is not None:
        take("memoryPerConnectionKiB", "memory_per_connection_ki_b", float(kib.value), kib.source)
    if (accept := given.get("sockets.accept_us")) is not None:
        write = given.get("pod.write_us")
        used = float(accept.value) + (float(write.value) if write is not None else 0.0)
        source = accept.source + (f"; and pod.write_us of {write.source}" if write is not None else "")
        take("cpuPerHandshakeMilliseconds", "cpu_per_handshake_milliseconds", used / 1000, source)
    message, send = given.get("sockets.message_us"), given.get("sockets.send_us")
    rate = scenario.messages_per_connection_per_minute
    if message is not None and send is not None and rate:
        used = rate * float(message.value + send.value) / 60_000
        take("cpuPerConnectionMillicores", "cpu_per_connection_millicores", used, message.source)
    fields: dict[str, Any] = {"pod": msgspec.structs.replace(pod, **changes)}
    if kib is not None and scenario.pod_capacity is not None:
        room = (pod.memory_request_mi_b - pod.memory_base_mi_b) * 1024 / float(kib.value)
        if 1 <= room < scenario.pod_capacity:
            fields["pod_capacity"] = int(room)
            found.append(Replaced("podCapacity", int(room), scenario.pod_capacity, f"memory; {kib.source}"))
    if (handler := given.get("lambda.message_ms")) is not None:
        fields["autoscaler"], taken = _functions(scenario, handler)
        found += taken
    return msgspec.structs.replace(scenario, **fields), found


def _functions(scenario: Scenario, handler: MeasuredInput) -> tuple[Any, list[Replaced]]:
    found: list[Replaced] = []
    specs: list[Autoscaler] = []
    for spec in scenario.autoscalers:
        if isinstance(spec, Lambda):
            value = float(handler.value)
            found.append(Replaced(f"{spec.name}.handlerMilliseconds", value, spec.handler_milliseconds, handler.source))
            specs.append(msgspec.structs.replace(spec, handler_milliseconds=value))
        else:
            specs.append(spec)
    return (tuple(specs) if isinstance(scenario.autoscaler, tuple) else specs[0]), found
