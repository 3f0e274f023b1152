"""A rush of clients onto the smallest fleet, under every variant's autoscaler and under one over CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from autoscaling.behavior import Behavior
from autoscaling.nodes import NodePool
from autoscaling.spec import parse
from compare.cost.rows import Rows
from compare.cost.workload import Workload
from compare.scaling import output
from compare.scaling.results import Simulation
from compare.scaling.scenario import (
    ApiGateway,
    Autoscaler,
    Cpu,
    Ecs,
    Keda,
    Lambda,
    Loaded,
    Pod,
    Reconnect,
    Scenario,
    prepare,
)
from compare.scaling.simulator import simulate
from compare.scaling.traces import Spike
from compare.variants import VARIANTS


def _behavior(window: int, pause: int, *up: dict[str, Any]) -> Behavior:
    """Four pods a minute come, one every `pause` seconds goes, after so long a time."""
    coming = [*up, {"type": "Pods", "value": 4, "periodSeconds": 60}]
    going = [{"type": "Pods", "value": 1, "periodSeconds": pause}]
    down = {"stabilizationWindowSeconds": window, "policies": going}
    return parse({"scaleUp": {"stabilizationWindowSeconds": 0, "policies": coming}, "scaleDown": down}, Behavior)


_BEFORE: Final = 300  # seconds of quiet first
_AFTER: Final = 2400  # and last: scaling in takes its time
_POD_CAPACITY: Final = 8000  # infra/socket_settings.py, as all numbers of socket pods here
_FILLED: Final = 0.75  # of it, where memory leaves less: 6,000 of 8,000
_DRAIN: Final = 60
_POD_START: Final = 20  # seconds, from what was seen elsewhere
_TASK_START: Final = 60  # Fargate fetches the image each time
_SCRAPE: Final = 15  # Prometheus
_CLOUDWATCH: Final = 60
_MOST: Final = {"http": 20, "sockets": 40}  # replicas: infra/settings.py
# infra/kubernetes/scaling.py, infra/kubernetes/sockets/scaling.py
_BEHAVIOR: Final = {
    "http": _behavior(300, 60, {"type": "Percent", "value": 100, "periodSeconds": 60}),
    "sockets": _behavior(600, 120),
}


@dataclass(frozen=True, slots=True)
class Trace:
    """So many come within some seconds, stay, and go as fast."""

    connections: int = 20_000
    within_seconds: int = 60
    leave_after_seconds: int = 3600

    @property
    def spike(self) -> Spike:
        rise = self.within_seconds
        return Spike(
            base=0,
            peak=self.connections,
            at_seconds=_BEFORE,
            rise_seconds=rise,
            hold_seconds=self.leave_after_seconds,
            fall_seconds=rise,
        )

    @property
    def duration(self) -> int:
        return _BEFORE + self.leave_after_seconds + 2 * self.within_seconds + _AFTER


@dataclass(frozen=True, slots=True)
class Rush:
    """What became of it. `capacity` and `target` are connections of a socket pod."""

    trace: Trace
    capacity: int
    minimum: int
    runs: tuple[Simulation, ...]

    def of(self, name: str) -> Simulation:
        return next(run for run in self.runs if run.name == name)

    def document(self) -> dict[str, Any]:
        """The `scaling` section."""
        found = output.as_json(self.runs, many=True)["runs"]
        for one, run in zip(found, self.runs, strict=True):
            one["summary"] |= {
                "heldAtMost": max(run.held),
                "throttledConnections": run.connections.throttled,
                "coldStarts": run.requests.cold_starts,
                "podHours": round(run.pod_seconds / 3600, 2),
                "scaledAfterSeconds": scaled_after(run),
                "shrunkAfterSeconds": shrunk_after(run, self.trace),
            }
            one["held"] = run.held
        return {
            "scenario": {
                "initialReplicas": self.minimum,
                "podCapacity": self.capacity,
                "beforeSeconds": _BEFORE,
                "durationSeconds": self.trace.duration,
                "periodSeconds": self.runs[0].period,
            },
            "trace": asdict(self.trace),
            "runs": found,
        }


def scaled_after(run: Simulation) -> int | None:
    """Seconds from the first arrival until the autoscaler first asked for more pods; None when it never did."""
    first = run.replicas[0]
    return next((i * run.period - _BEFORE for i, count in enumerate(run.replicas) if count > first), None)


def shrunk_after(run: Simulation, trace: Trace) -> int | None:
    """Seconds from when clients began to leave until the fleet was as small as before; negative: it was so before.

    None when it never grew, or was not small again within the run.
    """
    gone = _BEFORE + trace.within_seconds + trace.leave_after_seconds
    last = next((i for i in range(len(run.replicas) - 1, -1, -1) if run.replicas[i] > run.replicas[0]), None)
    if last is None or last == len(run.replicas) - 1:
        return None
    return (last + 1) * run.period - gone


def rush(workload: Workload, rows: Rows, trace: Trace) -> Rush:
    """Simulation it for each. Pods and targets are those of the rows. Raises CompareError, SpecError."""
    model = _Model(workload, rows)
    runs = [simulate(loaded, loaded.scenario.autoscalers[0]) for loaded in model.scenarios(trace)]
    return Rush(trace, model.socket_capacity, model.minimum, tuple(runs))


#: An autoscaler, and the fields of a scenario around it.
Scaled = tuple[Autoscaler, dict[str, Any]]


class _Model:
    """The scenarios' numbers, from the rows of the cost model."""

    def __init__(self, workload: Workload, rows: Rows) -> None:
        self._workload, self._rows = workload, rows
        self.minimum = round(self._row("pod.minimum"))

    def _row(self, key: str) -> float:
        return float(self._rows.value(key))

    @property
    def socket_capacity(self) -> int:
        """Connections a socket pod holds: its limit, or what its memory has room for."""
        room = (self._row("pod.gib") * 1024 - self._row("sockets.base_mib")) * 1024
        return max(1, int(min(_POD_CAPACITY, room / self._row("sockets.kib"))))

    @property
    def pod(self) -> Pod:
        """What a socket pod uses, for an autoscaler over CPU."""
        messages = float(self._workload.rate)
        frames = messages * float(self._workload.deliveries)
        used = messages * self._row("sockets.message_us") + frames * self._row("sockets.send_us")
        return Pod(
            cpu_request_millicores=self._row("pod.vcpu") * 1000,
            cpu_per_connection_millicores=used / 60_000,
            cpu_per_handshake_milliseconds=(self._row("sockets.accept_us") + self._row("pod.write_us")) / 1000,
            memory_request_mi_b=self._row("pod.gib") * 1024,
            memory_base_mi_b=self._row("sockets.base_mib"),
            memory_per_connection_ki_b=self._row("sockets.kib"),
        )

    def scenarios(self, trace: Trace) -> list[Loaded]:
        """Each variant's, and last that of an autoscaler over CPU."""
        return [self._loaded(trace, *AUTOSCALERS[name](self, name)) for name in (*VARIANTS, "cpu")]

    def functions(self, name: str) -> Scaled:
        handler = max(0.001, self._row("lambda.message_ms"))
        return Lambda(name=name, handler_milliseconds=handler), self._gateway | {"pod_capacity": None}

    def http_pods(self, name: str) -> Scaled:
        autoscaler = Keda(name=name, target_average_value=self._http_target, **self._limits("http"))
        return autoscaler, self._gateway | {"nodes": self._nodes, "pod_start_seconds": _POD_START}

    def http_tasks(self, name: str) -> Scaled:
        autoscaler = Ecs(
            name=name,
            target_average_value=self._http_target,
            scale_out_cooldown_seconds=60,
            **self._replicas("http"),
        )
        return autoscaler, self._gateway | {"pod_start_seconds": _TASK_START}

    def socket_pods(self, name: str) -> Scaled:
        target = max(1.0, min(self._row("sockets.connections_per_pod"), self.socket_capacity * _FILLED))
        autoscaler = Keda(name=name, target_average_value=target, **self._limits("sockets"))
        # What a pod does not hold, Prometheus does not see.
        return autoscaler, self._sockets | {"metric_delay_seconds": _SCRAPE, "observe": "held"}

    def socket_pods_over_cpu(self, name: str) -> Scaled:
        target = max(1, round(100 * self._row("pod.utilisation")))
        return Cpu(name=name, target_utilization=target, **self._limits("sockets")), self._sockets

    @property
    def _http_target(self) -> float:
        return max(1.0, self._row("http.connections_per_pod"))

    @property
    def _gateway(self) -> dict[str, Any]:
        # Pods behind API Gateway hold no sockets, so what they are full of is messages, not connections.
        return {
            "api_gateway": ApiGateway(
                connects_per_second=self._row("quota.api_connects"),
                requests_per_second=self._row("quota.api_requests"),
                callbacks_per_message=max(0.0, float(self._workload.deliveries) - 1),
            ),
            "pod_capacity": 10_000_000,
            "metric_delay_seconds": _CLOUDWATCH,
            "metric_period_seconds": _CLOUDWATCH,
        }

    @property
    def _sockets(self) -> dict[str, Any]:
        return {
            "pod_capacity": self.socket_capacity,
            "nodes": self._nodes,
            "pod_start_seconds": _POD_START,
            "drain_seconds": _DRAIN,
        }

    def _replicas(self, kind: str) -> dict[str, Any]:
        return {"min_replicas": self.minimum, "max_replicas": max(_MOST[kind], self.minimum)}

    def _limits(self, kind: str) -> dict[str, Any]:
        return self._replicas(kind) | {"behavior": _BEHAVIOR[kind]}

    @property
    def _nodes(self) -> NodePool:
        on_one = min(self._row("node.vcpu") / self._row("pod.vcpu"), self._row("node.gib") / self._row("pod.gib"))
        return NodePool(pods_per_node=min(1000, max(1, int(on_one))))

    def _loaded(self, trace: Trace, autoscaler: Autoscaler, fields: dict[str, Any]) -> Loaded:
        return prepare(
            Scenario(
                autoscaler=autoscaler,
                metric=trace.spike,
                duration_seconds=trace.duration,
                initial_replicas=None if isinstance(autoscaler, Lambda) else self.minimum,
                messages_per_connection_per_minute=float(self._workload.rate),
                reconnect=Reconnect(),
                pod=self.pod,
                **fields,
            )
        )


#: By the names of compare.variants, and what they are compared with.
AUTOSCALERS: Final[Mapping[str, Callable[[_Model, str], Scaled]]] = {
    "lambda": _Model.functions,
    "eks": _Model.http_pods,
    "sockets": _Model.socket_pods,
    "ecs": _Model.http_tasks,
    "cpu": _Model.socket_pods_over_cpu,
}
