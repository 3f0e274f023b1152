"""The HTTP backend of the cases: tells what it was asked, and answers as it was told to.

`python -m tools.localcloud.tests.conformance.backend [PORT]` runs it on loopback; a real deployment needs a tunnel to
it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLOW = 1.0  # seconds; longer than the timeout of the route that leads there


@dataclass
class Backend:
    """A running backend: its address, and what has reached it, by path."""

    url: str = ""
    _asked: list[dict[str, Any]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def note(self, asked: dict[str, Any]) -> None:
        """Keep a request for `asked`."""
        with self._changed:
            self._asked.append(asked)
            self._changed.notify_all()

    def asked(self, path: str, about: str, patience: float) -> dict[str, Any] | None:
        """The first request to a path that has the text `about` anywhere in it, once there is one."""
        with self._changed:
            found: list[dict[str, Any]] = []

            def arrived() -> bool:
                found[:] = [one for one in self._asked if one["path"] == path and about in json.dumps(one)]
                return bool(found)

            self._changed.wait_for(arrived, patience)
            return found[0] if found else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend: Backend

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        asked = {
            "method": self.command,
            "path": parts.path,
            "query": parse_qs(parts.query, keep_blank_values=True),
            "headers": {
                name.lower(): ", ".join(self.headers.get_all(name) or []) for name in dict.fromkeys(self.headers)
            },
            "body": body,
        }
        self.backend.note(asked)
        told = _told(asked)
        if parts.path == "/hangup" or told.get("status") == "hangup":
            self.close_connection = True
            return
        if parts.path == "/slow":
            time.sleep(_SLOW)
        content = str(told.get("body", json.dumps(asked))).encode()
        with suppress(ConnectionError):  # whoever asked may have had enough of waiting
            self.send_response(int(told.get("status", 200)))
            for name, value in told.get("headers", {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - names of the base class

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: a gateway cuts the line when it has had enough."""


def _told(asked: dict[str, Any]) -> dict[str, Any]:
    """How to answer: `answer` in a JSON body, or in the query as a handshake has it."""
    query = asked["query"]
    told: dict[str, Any] = {}
    if "status" in query:
        told["status"] = query["status"][-1]
    if "protocol" in query:
        told["headers"] = {"Sec-WebSocket-Protocol": query["protocol"][-1]}
    try:
        body = json.loads(asked["body"])
    except ValueError:
        return told
    answer = body.get("answer") if isinstance(body, dict) else None
    return told | answer if isinstance(answer, dict) else told


@contextmanager
def serving(port: int = 0) -> Iterator[Backend]:
    """A backend on loopback; 0 picks a free port."""
    backend = Backend()
    with _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"backend": backend})) as server:
        backend.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield backend
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    with serving(int(sys.argv[1]) if len(sys.argv) > 1 else 8080) as running:
        print(f"The backend of the conformance cases answers at {running.url}; Ctrl-C stops it.")  # noqa: T201
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.exit(0)
