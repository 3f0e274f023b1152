"""The lines of a bill: what each part of a variant costs, unrounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from compare.cost.quantities import Quantities, ceil, nodes, of_functions, of_http_pods, of_socket_pods
from compare.cost.rows import Rates
from compare.cost.workload import GB, HOURS, MINUTES, Workload

Lines = dict[str, Decimal]

# As docs/cost-model.md lists them, and as bills are printed.
LINES: Final[tuple[str, ...]] = (
    "api.messages",
    "api.connection_minutes",
    "lambda.requests",
    "lambda.duration",
    "dynamodb.requests",
    "dynamodb.storage",
    "logs",
    "metrics",
    "secret",
    "eks.control_plane",
    "eks.nodes",
    "fargate",
    "nlb.hours",
    "nlb.units",
    "nat.hours",
    "nat.bytes",
    "ipv4",
    "egress",
)

_MESSAGE_UNIT = 32_768  # bytes that API Gateway bills as one message
_SCANNED = 8192  # bytes that an eventually consistent scan reads for one unit


@dataclass(frozen=True, slots=True)
class Model:
    """How a variant's bill is worked out."""

    quantities: Callable[[Workload, Rates], Quantities]
    lines: Callable[[Workload, Quantities, Rates], Lines]


def _on_lambda(workload: Workload, month: Quantities, rates: Rates) -> Lines:
    calls = month.traffic.events + 2 * month.traffic.sessions
    lines = _gateway(workload, month, rates)
    lines["lambda.requests"] = rates.cost("lambda.request", calls + MINUTES)  # the census is one a minute
    gb_seconds = month.function_ms / 1000 * rates["lambda.memory_mb"] / 1024
    lines["lambda.duration"] = rates.cost("lambda.gb_second", gb_seconds)
    lines |= _dynamodb(workload, month, rates, gateway=True)
    lines["logs"] = _logs("logs.lambda", calls * rates["log.bytes"] / GB, rates)
    lines["metrics"] = _metrics(rates["metrics.count"], rates["queue.alarms"], rates)
    lines["egress"] = _egress(workload, month, rates)
    return lines


def _on_eks(workload: Workload, month: Quantities, rates: Rates) -> Lines:
    metrics = _metrics(rates["metrics.count"], rates["queue.alarms"], rates)
    metrics += rates.cost("metrics.read", HOURS * rates["keda.reads"])
    count = nodes(month.pods + rates["eks.system_pods"], rates)
    return _http_pods(workload, month, rates, metrics, _cluster(count, rates))


def _on_ecs(workload: Workload, month: Quantities, rates: Rates) -> Lines:
    counted = rates["metrics.count"] + rates["ecs.insights_metrics"]
    metrics = _metrics(counted, rates["queue.alarms"] + rates["ecs.alarms"], rates)
    vcpu = rates.cost("fargate.vcpu", HOURS * month.pods * rates["pod.vcpu"])
    memory = rates.cost("fargate.gb", HOURS * month.pods * rates["pod.gib"])
    return _http_pods(workload, month, rates, metrics, {"fargate": vcpu + memory})


def _on_sockets(workload: Workload, month: Quantities, rates: Rates) -> Lines:
    lines = _dynamodb(workload, month, rates, gateway=False)
    lines["metrics"] = _metrics(Decimal(0), rates["sockets.alarms"], rates)
    # Nodes with sockets have nothing else but the bus: what may be moved is on others.
    others = nodes(rates["sockets.system_pods"], rates, least=Decimal(0))
    lines |= _cluster(nodes(month.pods + rates["sockets.bus_pods"], rates) + others, rates)
    lines |= _network(_socket_units(workload, month, rates), rates["nlb.addresses"], rates)
    lines["egress"] = _egress(workload, month, rates)
    return lines


#: By the names of compare.variants.
MODELS: Final[Mapping[str, Model]] = {
    "lambda": Model(of_functions, _on_lambda),
    "eks": Model(of_http_pods, _on_eks),
    "sockets": Model(of_socket_pods, _on_sockets),
    "ecs": Model(of_http_pods, _on_ecs),
}


def _http_pods(workload: Workload, month: Quantities, rates: Rates, metrics: Decimal, computing: Lines) -> Lines:
    logged = month.pods * MINUTES * rates["pod.log_lines"] * rates["log.bytes"] / GB
    posted = month.traffic.posts * (workload.message_bytes + rates["post.overhead_bytes"]) / GB
    lines = _gateway(workload, month, rates) | _dynamodb(workload, month, rates, gateway=True)
    lines["logs"] = _logs("logs.ingested", logged, rates)
    lines["metrics"] = metrics
    lines["secret"] = rates.cost("secret.month", Decimal(1))
    lines |= computing
    lines |= _network(_http_units(workload, month, rates), Decimal(0), rates)
    lines["nat.bytes"] = rates.cost("nat.gb", posted + logged)
    lines["egress"] = _egress(workload, month, rates)
    return lines


def _gateway(workload: Workload, month: Quantities, rates: Rates) -> Lines:
    traffic = month.traffic
    units = ceil(workload.message_bytes / _MESSAGE_UNIT)
    messages = (
        traffic.messages * (1 + workload.deliveries) * units
        + 2 * traffic.keepalives
        + traffic.sessions * rates["gateway.connect_messages"]
    )
    return {
        "api.messages": rates.cost("api.message", messages),
        "api.connection_minutes": rates.cost("api.connection_minute", MINUTES * workload.connections),
    }


def _metrics(counted: Decimal, alarms: Decimal, rates: Rates) -> Decimal:
    return rates.cost("metrics.custom", counted) + rates.cost("metrics.alarm", alarms)


def _dynamodb(workload: Workload, month: Quantities, rates: Rates, *, gateway: bool) -> Lines:
    traffic = month.traffic
    # Rows of open sessions, and of those that are over but not yet removed.
    rows = workload.connections + traffic.sessions / HOURS * rates["session.kept_hours"]
    stored = rates["session.item_bytes"] * rows
    reads = traffic.messages * rates["message.read_units"] + month.looks * rates["touch.read_units"]
    if gateway:
        reads += MINUTES * min(stored, rates["census.mib"] * 1024 * 1024) / _SCANNED
    kept = rates.cost("dynamodb.storage", stored / GB) + rates.cost("dynamodb.recovery", stored / GB)
    return {
        "dynamodb.requests": rates.cost("dynamodb.write_unit", month.write_units)
        + rates.cost("dynamodb.read_unit", reads),
        "dynamodb.storage": kept,
    }


def _logs(key: str, ingested: Decimal, rates: Rates) -> Decimal:
    stored = ingested * rates["log.retention_hours"] / HOURS * rates["log.stored_share"]
    return rates.cost(key, ingested) + rates.cost("logs.stored", stored)


def _cluster(count: Decimal, rates: Rates) -> Lines:
    """The control plane and so many nodes."""
    running = rates.cost("node.hour", HOURS * count) * (1 + rates["eks.auto_mode"])
    return {
        "eks.control_plane": rates.cost("eks.cluster", Decimal(HOURS)),
        "eks.nodes": running + rates.cost("node.disk", count * rates["node.disk_gb"]),
    }


def _network(units: Decimal, addresses: Decimal, rates: Rates) -> Lines:
    """The balancer and the way out of the private subnets. `addresses` are those of the balancer."""
    gateways = rates["nat.gateways"]
    return {
        "nlb.hours": rates.cost("nlb.hour", Decimal(HOURS)),
        "nlb.units": rates.cost("nlb.unit", HOURS * units),
        "nat.hours": rates.cost("nat.hour", HOURS * gateways),
        "ipv4": rates.cost("ipv4.hour", HOURS * (gateways + addresses)),
    }


def _http_units(workload: Workload, month: Quantities, rates: Rates) -> Decimal:
    """Balancer units a mean hour. Bytes are always the largest dimension: requests outnumber connections."""
    traffic, overhead = month.traffic, rates["http.overhead_bytes"]
    carried = (
        traffic.messages * (workload.message_bytes + overhead)
        + traffic.messages * min(workload.deliveries, Decimal(1)) * workload.message_bytes
        + traffic.keepalives * (2 * rates["gateway.keepalive_bytes"] + overhead)
        + 2 * traffic.sessions * overhead
    )
    return carried / GB / HOURS / rates["nlb.gb"]


def _socket_units(workload: Workload, month: Quantities, rates: Rates) -> Decimal:
    """Balancer units a mean hour: the largest of new connections, open connections and bytes."""
    traffic = month.traffic
    protocol = "tls" if workload.tls == "balancer" else "tcp"
    carried = traffic.messages * (1 + workload.deliveries) * (workload.message_bytes + rates["wire.frame_bytes"])
    carried += traffic.sessions * (rates["wire.handshake_in"] + rates["wire.handshake_out"])
    return max(
        traffic.connects / rates[f"nlb.{protocol}_new"],
        workload.connections / rates[f"nlb.{protocol}_active"],
        carried / GB / HOURS / rates["nlb.gb"],
    )


def _egress(workload: Workload, month: Quantities, rates: Rates) -> Decimal:
    traffic, frame = month.traffic, rates["wire.frame_bytes"]
    sent = (
        traffic.messages * workload.deliveries * (workload.message_bytes + frame)
        + traffic.keepalives * (rates["gateway.keepalive_bytes"] + frame)
        + traffic.sessions * rates["wire.handshake_out"]
    )
    return rates.cost("egress.gb", sent / GB)
