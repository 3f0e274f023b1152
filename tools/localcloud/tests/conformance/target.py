"""An API that the cases are played on, deployed or local, and the ways to reach it."""

from __future__ import annotations

import http.client
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .backend import Backend

_SDK_ENDPOINT = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"


@dataclass(frozen=True)
class Target:
    """Where an API is."""

    url: str
    """`wss://host/stage`, or `wss://host/key` at a custom domain."""
    region: str
    credentials: Credentials
    backend: Backend | None = None
    address: tuple[str, int] | None = None
    """What to connect to where names of hosts lead nowhere: a local API's."""
    aws_url: str | None = None
    """The endpoint of AWS's other services, where it is not AWS's own."""
    scale: float = 1.0
    """How many seconds pass for the API in a second here."""
    lag: float = 0.0
    """Seconds that metrics and logs may take."""
    refusal: Callable[[str, Mapping[str, Any]], str | None] | None = None
    """Makes an API with a Route, an Integration or a Stage of these properties; the error, None when there is none."""

    def https(self, path: str, at: str = "") -> str:
        """The HTTP address of a path below the API's, or below `at`, a host and a path; `//` begins one of the host."""
        parts = urlsplit(self.url)
        scheme = parts.scheme.replace("ws", "http")
        if at:
            return f"{scheme}://{at}{path}"
        if path.startswith("//"):
            return f"{scheme}://{parts.netloc}{path[1:]}"
        return f"{scheme}://{parts.netloc}{parts.path}{path}"

    def signed(self, method: str, url: str, body: bytes, how: str) -> tuple[str, dict[str, str]]:
        """The URL and the headers of a signed request; `how` as in a step."""
        if not how:
            return url, {}
        found = self.credentials
        known = Credentials(found.access_key, "x" * 40, found.token) if how == "wrong" else found
        request = AWSRequest(method, url, data=body)
        (SigV4QueryAuth if how == "query" else SigV4Auth)(known, "execute-api", self.region).add_auth(request)
        return str(request.url), {name: str(value) for name, value in request.headers.items()}

    def socket(self) -> socket.socket | None:
        """A socket to the API, where its name does not lead to it."""
        return socket.create_connection(self.address) if self.address else None

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, patience: float
    ) -> tuple[http.client.HTTPConnection, int, str]:
        """Send a request. Gives its connection, which is still open, its status and its body."""
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        host, port = self.address or (str(parts.hostname), parts.port)
        connection = kind(host, port, timeout=patience)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target or "/", body or None, {"Host": parts.netloc, **headers})
        response = connection.getresponse()
        return connection, response.status, response.read().decode(errors="replace")

    def client(self, service: str) -> Any:
        """A client of another of AWS's services."""
        return self._client(service, endpoint_url=self.aws_url)

    def management(self) -> Any:
        """A client of @connections that finds the API in its environment."""
        with patch.dict(os.environ, {_SDK_ENDPOINT: self.https("")}):
            return self._client("apigatewaymanagementapi")

    def _client(self, service: str, **options: Any) -> Any:
        return botocore.session.get_session().create_client(
            service,
            region_name=self.region,
            aws_access_key_id=self.credentials.access_key,
            aws_secret_access_key=self.credentials.secret_key,
            aws_session_token=self.credentials.token,
            **options,
        )
