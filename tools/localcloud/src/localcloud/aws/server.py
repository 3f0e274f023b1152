"""The process that is AWS here: `python -m localcloud.aws.server`.

Reads one line of JSON from stdin, `{"port": P, "account": A, "region": R, "clock": [S, X], "calls": [Call, …],
"faults": {NAME: RATE, …}, "seed": N}` (`localcloud.clock`, `localcloud.aws.calls`, `localcloud.faults`), serves moto on
the loopback interface, makes the calls, and writes one line to stdout: `{"port": P}` or `{"error": "…"}`. Further
lines, `{"metrics": [StatisticSet, …], "logs": [[GROUP, MS, LINE], …]}`, are what CloudWatch is to know. It ends when
stdin does, so it cannot outlive whoever started it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from localcloud.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.aws.capacity import Units
    from localcloud.aws.logs import LogStore
    from localcloud.clock import Clock


def main() -> None:
    """Serve until stdin closes."""
    request = json.loads(sys.stdin.readline())
    answer: dict[str, int | str]
    try:
        answer = {"port": _serve(request)}
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        answer = {"error": f"cannot listen on port {request['port']} ({reason}): choose other ports with --port"}
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent prints it as one line
        answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    if "port" in answer:
        _listen(request)
    os._exit(0)


def _listen(request: dict[str, Any]) -> None:
    """Take in what the parent measures, until it closes its end."""
    from localcloud.aws.metrics import MetricStore  # noqa: PLC0415

    metrics = MetricStore(request["account"], request["region"])
    logs: LogStore | None = None
    for line in sys.stdin:
        told = json.loads(line)
        metrics.add(told["metrics"])
        if told.get("logs"):
            logs = logs or _log_store(request)
            logs.add(told["logs"])


def _log_store(request: dict[str, Any]) -> LogStore:
    from localcloud.aws.logs import LogStore  # noqa: PLC0415 - most stages have no access log

    return LogStore(request["account"], request["region"])


def _throttling(request: dict[str, Any], clock: Clock) -> Callable[[], bool]:
    """Whether the fault `dynamodb-throttled` fires, which CloudWatch is told."""
    from localcloud.aws.metrics import MetricStore  # noqa: PLC0415
    from localcloud.faults import Faults  # noqa: PLC0415
    from localcloud.metrics import Metrics  # noqa: PLC0415

    metrics, store = Metrics(clock), MetricStore(request["account"], request["region"])
    faults = Faults(request["faults"], request["seed"], metrics)

    def throttled() -> bool:
        fired = faults("dynamodb-throttled")
        if fired:
            store.add(map(asdict, metrics.drain()))
        return fired

    return throttled


def _consumption(request: dict[str, Any], clock: Clock) -> Callable[[Units], None]:
    """Tells CloudWatch of each table's ConsumedReadCapacityUnits and ConsumedWriteCapacityUnits."""
    from localcloud.aws.metrics import MetricStore  # noqa: PLC0415
    from localcloud.metrics import Metrics  # noqa: PLC0415

    metrics, store = Metrics(clock), MetricStore(request["account"], request["region"])

    def consumed(units: Units) -> None:
        for (table, kind), count in units.items():
            name = f"Consumed{kind.capitalize()}CapacityUnits"
            metrics.add("AWS/DynamoDB", name, "Count", (("TableName", table),), count)
        store.add(map(asdict, metrics.drain()))

    return consumed


def _serve(request: dict[str, Any]) -> int:
    # Before anything slow, so that a busy port is told at once.
    listener = Listener(request["port"])
    listener.listen()
    # Imported here, so that a wrong request costs nothing.
    import uvloop  # noqa: PLC0415

    from localcloud.aws.endpoint import Endpoint  # noqa: PLC0415
    from localcloud.aws.ttl import sweep  # noqa: PLC0415
    from localcloud.clock import Clock  # noqa: PLC0415
    from localcloud.http_server import HttpConnection  # noqa: PLC0415

    started, scale = request["clock"]
    clock = Clock(scale, started)
    endpoint = Endpoint(request["region"])
    endpoint.port = listener.port

    async def serve() -> None:
        await listener.serve(lambda: HttpConnection(endpoint))
        await sweep(request["account"], request["region"], clock)

    threading.Thread(target=lambda: uvloop.run(serve()), daemon=True).start()
    _make(request["calls"], f"http://{listener.address}", request["region"])
    endpoint.items.told = _consumption(request, clock)  # from here on: making the tables is not the application's
    if request.get("faults"):
        endpoint.throttled = _throttling(request, clock)  # not before the tables are made
    return listener.port


def _make(calls: list[dict[str, Any]], endpoint: str, region: str) -> None:
    from botocore.session import get_session  # noqa: PLC0415

    session = get_session()
    session.set_credentials("local", "local")
    clients: dict[str, Any] = {}
    for call in calls:
        service = call["service"]
        if service not in clients:
            clients[service] = session.create_client(service, region_name=region, endpoint_url=endpoint)
        getattr(clients[service], call["method"])(**call["arguments"])


if __name__ == "__main__":
    main()
