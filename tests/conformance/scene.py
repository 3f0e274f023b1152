"""Takes the steps of a case, against whatever target."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.conformance import steps
from tests.conformance.patterns import difference, filled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.backend import Backend

PATIENCE = 30.0  # seconds; only a failing case waits that long


@dataclass(frozen=True)
class Target:
    """An API that is there: deployed or local."""

    url: str
    """`wss://host/stage`."""
    region: str
    credentials: Credentials
    backend: Backend | None = None

    def signed(self, method: str, url: str, body: bytes, how: str) -> tuple[str, dict[str, str]]:
        """The URL and the headers of a signed request; `how` as in a step."""
        if not how:
            return url, {}
        found = self.credentials
        known = Credentials(found.access_key, "x" * 40, found.token) if how == "wrong" else found
        request = AWSRequest(method, url, data=body)
        (SigV4QueryAuth if how == "query" else SigV4Auth)(known, "execute-api", self.region).add_auth(request)
        return str(request.url), {name: str(value) for name, value in request.headers.items()}


class Scene:
    """One case being played."""

    def __init__(self, target: Target, patience: float = PATIENCE) -> None:
        """`patience` is how long each step waits, in seconds."""
        self._target = target
        self._patience = patience
        self._clients: dict[str, ClientConnection] = {}
        self._names: dict[str, str] = {}
        self._open = contextlib.ExitStack()

    def play(self, script: Sequence[steps.Step]) -> None:
        """Take the steps in order; fails at the first that goes wrong. Connections are closed at the end."""
        with self._open:
            for number, step in enumerate(script, 1):
                self._number, self._step = number, step
                self._take(step)

    def _fail(self, problem: str) -> NoReturn:
        pytest.fail(f"{problem:.1000}\n(step {self._number}, {self._step!r:.1000})", pytrace=False)

    def _match(self, pattern: Any, value: Any) -> None:
        if problem := difference(pattern, value, self._names):
            self._fail(problem)

    @singledispatchmethod
    def _take(self, step: Any) -> None:
        raise NotImplementedError(step)

    @_take.register
    def _(self, step: steps.Connect) -> None:
        query = f"?{filled(step.query, self._names)}" if step.query else ""
        https = f"{self._target.url}{step.suffix}{query}".replace("ws", "http", 1)
        url, headers = self._target.signed("GET", https, b"", step.signed)
        began = time.monotonic()
        try:
            opening = connect(
                url.replace("http", "ws", 1),
                subprotocols=[Subprotocol(offer) for offer in step.offers] or None,
                additional_headers={**step.headers, **headers},
                user_agent_header=step.user_agent,
                open_timeout=self._patience,
                compression=None,
                max_size=None,
                ping_interval=None,
            )
            client = self._open.enter_context(opening)
        except InvalidStatus as refused:
            if refused.response.status_code != step.status:
                self._fail(f"refused with {refused.response.status_code}: {refused.response.body!r}")
            return
        self._clients[step.client] = client
        if step.status != 101:
            self._fail("it was accepted")
        if time.monotonic() - began < step.at_least:
            self._fail(f"it was accepted after {time.monotonic() - began:.2f} s")
        assert client.response is not None
        if client.subprotocol != step.chosen:
            self._fail(f"the subprotocol is {client.subprotocol!r}")
        if present := [name for name in step.absent if name in client.response.headers]:
            self._fail(f"the answer has the header {present[0]}")

    @_take.register
    def _(self, step: steps.Send) -> None:
        data = step.data
        with contextlib.suppress(ConnectionClosed):  # the gateway may close while we still send
            self._clients[step.client].send(
                data if isinstance(data, bytes) else self._fill(data) if isinstance(data, str) else list(data)
            )

    @_take.register
    def _(self, step: steps.Receive) -> None:
        self._match(step.pattern, self._next(step.client))

    @_take.register
    def _(self, step: steps.Silent) -> None:
        self._clients[step.client].send(self._fill(step.probe))
        self._match(step.pattern, self._next(step.client))

    @_take.register
    def _(self, step: steps.Closed) -> None:
        try:
            message = self._clients[step.client].recv(timeout=self._patience)
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != step.code:
                self._fail(f"it was closed with {closed.rcvd}")
            return
        except TimeoutError:
            self._fail("it stays open")
        self._fail(f"a message came instead: {message!r}")

    @_take.register
    def _(self, step: steps.Close) -> None:
        client = self._clients[step.client]
        if step.code == 1006:
            client.socket.shutdown(socket.SHUT_RDWR)
        elif step.code == 1005:
            client.socket.sendall(bytes([0x88, 0x80, 0, 0, 0, 0]))  # a close frame without a code
        else:
            client.close(step.code, step.reason)

    @_take.register
    def _(self, step: steps.Ping) -> None:
        if not self._clients[step.client].ping().wait(self._patience):
            self._fail("no pong came")

    @_take.register
    def _(self, step: steps.Http) -> None:
        parts = urlsplit(self._target.url)
        path = self._fill(step.path)
        path = path[1:] if path.startswith("//") else f"{parts.path}{path}"
        scheme = parts.scheme.replace("ws", "http")
        _, headers = self._target.signed(step.method, f"{scheme}://{parts.netloc}{path}", step.body, step.signed)
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=self._patience)
        try:
            connection.request(step.method, path, step.body or None, headers)
            response = connection.getresponse()
            content = response.read().decode(errors="replace")
        finally:
            connection.close()
        if response.status != step.status:
            self._fail(f"the status is {response.status}: {content[:300]}")
        self._match(step.pattern, content)

    @_take.register
    def _(self, step: steps.Backend) -> None:
        backend = self._target.backend
        assert backend is not None, "the target has no backend"
        asked = backend.asked(step.path, self._fill(step.about), self._patience)
        if asked is None:
            self._fail("the backend was not asked")
        self._match(step.pattern, asked)

    def _fill(self, text: str) -> str:
        return filled(text, self._names)

    def _next(self, client: str) -> str:
        try:
            message = self._clients[client].recv(timeout=self._patience)
        except TimeoutError:
            self._fail("nothing came")
        except ConnectionClosed as closed:
            self._fail(f"the connection was closed with {closed.rcvd}")
        return message if isinstance(message, str) else json.dumps(message.hex())
