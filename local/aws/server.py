"""The process that is AWS here: `python -m local.aws.server`.

Reads one line of JSON from stdin, `{"port": P, "region": R, "calls": [Call, …]}`, serves moto on the loopback
interface, makes the calls, and writes one line to stdout: `{"port": P}` or `{"error": "…"}`. It ends when stdin does,
so it cannot outlive whoever started it.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
from typing import Any


def main() -> None:
    """Serve until stdin closes."""
    request = json.loads(sys.stdin.readline())
    answer: dict[str, int | str]
    try:
        answer = {"port": _serve(request)}
    except OSError as error:
        answer = {"error": f"port {request['port']} is in use ({error.strerror})"}
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent prints it as one line
        answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


def _serve(request: dict[str, Any]) -> int:
    # Imported here, so that a wrong request costs nothing.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415
    from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: PLC0415

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    WSGIRequestHandler.protocol_version = "HTTP/1.1"  # keep connections; the default closes after each answer
    application = DomainDispatcherApplication(create_backend_app)
    listener = socket.create_server(("127.0.0.1", request["port"]), backlog=128)
    # A socket of ours, since werkzeug exits the process when it finds the port busy.
    server = make_server("127.0.0.1", 0, application, threaded=True, fd=listener.detach())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _make(request["calls"], f"http://127.0.0.1:{server.port}", request["region"])
    return server.port


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
