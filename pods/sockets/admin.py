"""What is asked of a pod by its own machine: `POST /drain`. And its metrics, on a port of their own."""

from __future__ import annotations

import ipaddress
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client.registry import Collector

_LOOPBACK = "127.0.0.1"


def on_loopback(host: str) -> bool:
    """Whether an address is one of this machine's own, which nobody else reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve_metrics(collector: Collector, host: str, port: int) -> int:
    """Answer `GET /metrics` from a thread, until the process ends; the port."""
    registry = CollectorRegistry()
    registry.register(collector)
    server, _ = start_http_server(port, host, registry)
    return int(server.server_port)


def serve_admin(drain: Callable[[], object], port: int, host: str = _LOOPBACK) -> int:
    """Answer `POST /drain` from a thread, until the process ends; the port.

    On the loopback interface only: on `host` when that is an address of it, on 127.0.0.1 otherwise.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_POST(self) -> None:
            """202: the drain has begun, or had before."""
            if self.path != "/drain":
                self.send_error(404)
                return
            drain()
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the drain itself is logged."""

    server = ThreadingHTTPServer((host if on_loopback(host) else _LOOPBACK, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="admin", daemon=True).start()
    return int(server.server_port)
