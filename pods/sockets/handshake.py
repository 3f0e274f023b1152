"""Who may open a socket: decided before the upgrade, without waiting for anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

from pods.sockets.socket import Socket

if TYPE_CHECKING:
    from pods.sockets.socket import Hub

#: Whom a handshake's path and headers name, None for nobody in particular. Raises PermissionError for who may not.
Authenticate = Callable[[str, Mapping[str, str]], str | None]

_RETRY_AFTER = "5"  # seconds


def anybody(_path: str, _headers: Mapping[str, str]) -> str | None:
    """Everyone may connect, and is nobody in particular."""
    return None


class Handshakes:
    """Answers handshakes, and the two questions of a load balancer: `/healthz` and `/readyz`."""

    def __init__(self, hub: Hub, authenticate: Authenticate = anybody) -> None:
        self._hub = hub
        self._authenticate = authenticate

    def __call__(self, request: WSUpgradeRequest) -> Socket | WSUpgradeResponseWithListener:
        """picows asks this of every request. Raises nothing: the text of an exception would go to the client."""
        path = request.path.decode("latin-1")
        if path in {"/healthz", "/readyz"}:
            ready = path == "/healthz" or not self._hub.metrics.draining
            return _response(200, "ready") if ready else _response(503, "draining")
        if (refusal := self._refusal(request)) is not None:
            return self._refused(*refusal)
        try:
            principal = self._authenticate(path, request.headers)
        except PermissionError:
            return self._refused("token", 401, "a valid token is needed")
        # Firefox sends `keep-alive, Upgrade`, which picows does not take.
        tokens = ",".join(request.headers.getall("Connection", [])).lower().split(",")
        if "upgrade" in (token.strip() for token in tokens):
            request.headers["Connection"] = "Upgrade"
        return Socket(self._hub, self._hub.new_connection(principal))

    def _refusal(self, request: WSUpgradeRequest) -> tuple[str, int, str] | None:
        """Why nobody, or nobody from there, may connect: as a metric says it, as a status, and in words."""
        metrics = self._hub.metrics
        if metrics.draining:
            return "draining", 503, "this pod is draining: connect again"
        if metrics.active >= metrics.capacity:
            return "capacity", 503, "this pod is full: try again in a moment"
        origins, origin = self._hub.limits.allowed_origins, request.headers.get("Origin")
        if origins and origin is not None and origin not in origins:
            return "origin", 403, "this origin may not connect"
        return None

    def _refused(self, reason: str, status: int, text: str) -> WSUpgradeResponseWithListener:
        self._hub.metrics.refused[reason] += 1
        return _response(status, text)


def _response(status: int, text: str) -> WSUpgradeResponseWithListener:
    body = text.encode()
    headers = {"Connection": "close", **({"Retry-After": _RETRY_AFTER} if status == 503 else {})}
    if status == 200:
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_ok_response(body, headers), None)
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, body, headers), None)
