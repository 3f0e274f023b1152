"""A cluster for the controller of deletion costs: Kubernetes' API, and the metrics of pods, over real HTTP."""

from __future__ import annotations

import json
import os
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pods.scale_in.kubernetes import DELETION_COST

TOKEN = "a-token"
GAUGE = "# TYPE ws_connections_active gauge\nws_connections_active {}.0\n"


class Api:
    """The two requests of Kubernetes' API that the controller makes, on pods that a test describes."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.pods: dict[str, dict[str, Any]] = {}
        self.patches: list[tuple[str, str]] = []
        self.refuse: dict[str, int] = {}  # a pod's name, or LIST, and the status of what it is answered
        handler = type("Handler", (_Handler,), {"api": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    api: Api
    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if not self._allowed("LIST") or query["labelSelector"] != ["app=ws-gateway"]:
            return self._answer(self.api.refuse.get("LIST", 401), {"message": "no"})
        names, start = sorted(self.api.pods), int(query.get("continue", ["0"])[0])
        page: dict[str, Any] = {"items": [self.api.pods[name] for name in names[start : start + 2]], "metadata": {}}
        if start + 2 < len(names):
            page["metadata"] = {"continue": str(start + 2)}
        return self._answer(200, page)

    def do_PATCH(self) -> None:
        name = urlsplit(self.path).path.rpartition("/")[2]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._allowed(name):
            return self._answer(self.api.refuse.get(name, 401), {"message": "no"})
        if self.headers["Content-Type"] != "application/merge-patch+json":
            return self._answer(415, {})
        pod = self.api.pods.get(name)
        if pod is None:
            return self._answer(404, {"message": f'pods "{name}" not found'})
        if body["metadata"]["uid"] != pod["metadata"]["uid"]:
            return self._answer(409, {"message": "the UID in the precondition"})
        annotations = body["metadata"]["annotations"]
        pod["metadata"].setdefault("annotations", {}).update(annotations)
        self.api.patches.append((name, annotations[DELETION_COST]))
        return self._answer(200, pod)

    def _allowed(self, what: str) -> bool:
        told = self.headers["Authorization"] == f"Bearer {self.api.token}"
        return told and what not in self.api.refuse and self.path.startswith("/api/v1/namespaces/realtime/pods")

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


class Metrics:
    """Pods that have metrics, each on a loopback address of its own and all on one port."""

    def __init__(self, api: Api, stack: ExitStack) -> None:
        self.api = api
        self.counts: dict[str, int | str | None] = {}
        self.hang = threading.Event()
        self.port = 0
        self._stack = stack

    def add(self, name: str, count: int | str | None, cost: str | None = None, **status: Any) -> None:
        """A pod with so many sockets; None is one that never answers, a text is what it answers instead."""
        address = f"127.0.{1 + os.getpid() % 250}.{len(self.counts) + 1}"  # another worker of the tests has others
        self.counts[name] = count
        metadata: dict[str, Any] = {"name": name, "uid": f"uid-{name}"}
        if cost is not None:
            metadata["annotations"] = {DELETION_COST: cost}
        running = {"phase": "Running", "podIP": address, **status}
        self.api.pods[name] = {"metadata": metadata, "spec": {"nodeName": "n"}, "status": running}
        metrics = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                count = metrics.counts[name]
                if count is None:
                    metrics.hang.wait(20)
                    return
                body = (
                    count
                    if isinstance(count, str)
                    else f"# TYPE ws_connections_active gauge\nws_connections_active {count}.0\n"
                )
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer((address, self.port), Handler)
        self.port = server.server_port
        run(server, self._stack)
        self._stack.callback(self.hang.set)


def run(server: ThreadingHTTPServer, stack: ExitStack) -> None:
    """Serve until the stack is closed."""
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
