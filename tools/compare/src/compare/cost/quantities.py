"""What a workload amounts to in a month: traffic, touches and pods.

Names are spelled out here; docs/cost-model.md gives each its symbol, which stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from compare.cost.rows import Rates
from compare.cost.workload import MINUTES, SECONDS, Workload
from compare.errors import CompareError

_ZERO = Decimal(0)
_ONE = Decimal(1)
_NANO = Decimal("1e-9")
_EXACT = Decimal(10) ** 18  # from here on 28 digits leave no nine decimal places to round


@dataclass(frozen=True, slots=True)
class Traffic:
    """What clients do in a month, as one kind of host sees it."""

    minutes: Decimal  # Lv, mean life of a connection there
    messages: Decimal  # N
    keepalives: Decimal  # K
    sessions: Decimal  # S
    connects: Decimal  # v, a second
    events: Decimal  # E, messages and keep-alives
    posts: Decimal  # X, to @connections
    stirs: Decimal  # w, what could touch a row, a minute and connection


@dataclass(frozen=True, slots=True)
class Quantities:
    """One variant's month. What a variant does not have is 0."""

    traffic: Traffic
    touches: Decimal  # T
    looks: Decimal  # R, rows read to see whether a touch is due
    write_units: Decimal
    pods: Decimal = _ZERO  # P
    function_ms: Decimal = _ZERO  # D, billed


def ceil(number: Decimal) -> Decimal:
    """Round up, unless what is above a whole number is only the dust of the division before."""
    if number < _EXACT:
        number = number.quantize(_NANO, ROUND_HALF_UP)
    return number.to_integral_value(ROUND_CEILING)


def of_functions(workload: Workload, rates: Rates) -> Quantities:
    """`lambda`."""
    traffic = _through_gateway(workload, rates)
    message_ms, posting_ms = rates["lambda.message_ms"], traffic.posts * rates["lambda.post_ms"]
    hosts = max(_ONE, (traffic.events * message_ms + posting_ms) / SECONDS / 1000)
    touches, looks = _touches(workload, rates, traffic, hosts, workload.connections)
    calls = traffic.events + 2 * traffic.sessions
    writes = 2 * traffic.sessions + touches
    stored_ms = writes * rates["lambda.write_ms"] + looks * rates["lambda.read_ms"]
    return Quantities(
        traffic,
        touches,
        looks,
        _write_units(rates, traffic, touches),
        function_ms=calls * message_ms + stored_ms + posting_ms + MINUTES * rates["census.ms"],
    )


def of_http_pods(workload: Workload, rates: Rates) -> Quantities:
    """`eks` and `ecs`."""
    traffic = _through_gateway(workload, rates)
    calls = traffic.events + 2 * traffic.sessions
    busy = (
        calls * rates["http.request_us"]
        + 2 * traffic.sessions * rates["pod.write_us"]
        + traffic.posts * rates["pod.post_us"]
    ) / SECONDS
    least = max(rates["pod.minimum"], ceil(workload.connections / rates["http.connections_per_pod"]))
    hosts = max(least, _pods_by_cpu(busy, rates))
    touches, looks = _touches(workload, rates, traffic, hosts, workload.connections)
    pods = max(least, _pods_by_cpu(busy + _touching(touches, looks, rates), rates))
    return Quantities(traffic, touches, looks, _write_units(rates, traffic, touches), pods)


def of_socket_pods(workload: Workload, rates: Rates) -> Quantities:
    """`sockets`."""
    traffic = _without_gateway(workload, rates)
    frames, kib = traffic.messages * workload.deliveries, rates["sockets.kib"]
    busy = (
        (traffic.messages * rates["sockets.message_us"] + frames * rates["sockets.send_us"]) / SECONDS
        + traffic.connects * rates["sockets.accept_us"]
        + 2 * traffic.connects * rates["pod.write_us"]
    )
    if workload.tls == "pod":
        busy += (traffic.messages + frames) / SECONDS * rates["tls.frame_us"]
        busy += traffic.connects * rates["tls.handshake_us"]
        kib += rates["tls.kib"]
    room = 1024 * (1024 * rates["pod.gib"] - rates["sockets.base_mib"])
    if room <= 0:
        raise CompareError("sockets.base_mib: a pod of pod.gib has no memory left for connections")
    least = max(
        rates["pod.minimum"],
        ceil(workload.connections / rates["sockets.connections_per_pod"]),
        ceil(workload.connections * kib / room),
    )
    first = max(least, _pods_by_cpu(busy, rates))
    touches, looks = _touches(workload, rates, traffic, _ONE, workload.connections / max(_ONE, first))
    pods = max(least, _pods_by_cpu(busy + _touching(touches, looks, rates), rates))
    return Quantities(traffic, touches, looks, _write_units(rates, traffic, touches), pods)


def nodes(pods: Decimal, rates: Rates, least: Decimal | None = None) -> Decimal:
    """Nodes that hold so many pods; at least `least`, or as many as any cluster has."""
    on_one = min(rates["node.vcpu"] / rates["pod.vcpu"], rates["node.gib"] / rates["pod.gib"]) // 1
    if on_one == 0:
        raise CompareError("node.vcpu, node.gib: a node has no room for one pod of pod.vcpu and pod.gib")
    return max(rates["node.minimum"] if least is None else least, ceil(pods / on_one))


def _through_gateway(workload: Workload, rates: Rates) -> Traffic:
    pings = rates["gateway.keepalive"]
    silent = max(_ZERO, pings - workload.rate * max(_ONE, workload.deliveries))
    life = min(workload.minutes, rates["quota.connection_minutes"])
    extra = max(_ZERO, workload.deliveries - 1)
    return _traffic(workload, life, pings, silent=silent, extra=extra)


def _without_gateway(workload: Workload, rates: Rates) -> Traffic:
    return _traffic(workload, workload.minutes, rates["sockets.pings"], silent=_ZERO, extra=_ZERO)


def _traffic(workload: Workload, life: Decimal, pings: Decimal, *, silent: Decimal, extra: Decimal) -> Traffic:
    minutes = MINUTES * workload.connections
    messages, keepalives = minutes * workload.rate, minutes * silent
    return Traffic(
        minutes=life,
        messages=messages,
        keepalives=keepalives,
        sessions=minutes / life,
        connects=workload.connections / (60 * life),
        events=messages + keepalives,
        posts=messages * extra,
        stirs=max(workload.rate, pings),
    )


def _touches(
    workload: Workload, rates: Rates, traffic: Traffic, hosts: Decimal, seen: Decimal
) -> tuple[Decimal, Decimal]:
    """Touches a month (T), once an interval whoever sees the connection, and rows read before (R): by a host that has
    forgotten at each message, by one that remembers once an interval."""
    interval = rates["touch.minutes"]
    touchable = MINUTES * workload.connections * max(_ZERO, 1 - interval / traffic.minutes)
    known = min(_ONE, rates["touch.remembered"] / seen)
    looked = (1 - known) * traffic.stirs + known * min(traffic.stirs, hosts / interval)
    return touchable * min(traffic.stirs, 1 / interval), touchable * looked


def _touching(touches: Decimal, looks: Decimal, rates: Rates) -> Decimal:
    """What they cost a pod, in microseconds of CPU a second."""
    return (touches * rates["pod.write_us"] + looks * rates["pod.read_us"]) / SECONDS


def _write_units(rates: Rates, traffic: Traffic, touches: Decimal) -> Decimal:
    return (
        traffic.sessions * rates["session.write_units"]
        + touches * rates["touch.write_units"]
        + traffic.messages * rates["message.write_units"]
    )


def _pods_by_cpu(busy: Decimal, rates: Rates) -> Decimal:
    """Pods for so many microseconds of CPU a second."""
    return ceil(busy / 1_000_000 / (rates["pod.vcpu"] * rates["pod.utilisation"]))
