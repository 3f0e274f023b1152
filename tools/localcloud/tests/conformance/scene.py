"""Takes the steps of a case, against whatever target."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from base64 import b64encode
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from . import steps, watch
from .patterns import difference, filled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from websockets.frames import Close

    from .target import Target

PATIENCE = 30.0  # seconds; only a failing case waits that long
_BUSY = 300.0  # seconds of the API's between messages that keep a connection from being idle
_SHORT = 0.99  # of a time that has to pass: two clocks are never quite the same
_PAUSE = 0.05  # seconds before something is looked at once more


class Scene:
    """One case being played."""

    def __init__(self, target: Target, patience: float = PATIENCE) -> None:
        """`patience` is how long each step waits, in seconds."""
        self._target = target
        self._patience = patience
        self._clients: dict[str, ClientConnection] = {}
        self._names: dict[str, str] = {"region": target.region}
        self._busy: dict[str, float] = {}
        """When a client began to connect, or to send its last message."""
        self._posted = 0
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

    def _expect(self, status: int, wanted: int | Sequence[int], content: str) -> None:
        if status not in ([wanted] if isinstance(wanted, int) else wanted):
            self._fail(f"the status is {status}: {content[:300]}")

    @singledispatchmethod
    def _take(self, step: Any) -> None:
        raise NotImplementedError(step)

    @_take.register
    def _(self, step: steps.Connect) -> None:
        began = self._busy[step.client] = time.monotonic()
        if not step.reads:
            self._connect_dead(step)
            return
        status, client, content = self._connect(step)
        self._expect(status, step.status, content)
        if client is None:
            return
        if time.monotonic() - began < step.at_least:
            self._fail(f"it was accepted after {time.monotonic() - began:.2f} s")
        self._clients[step.client] = client
        assert client.response is not None
        if client.subprotocol != step.chosen:
            self._fail(f"the subprotocol is {client.subprotocol!r}")
        if present := [name for name in step.absent if name in client.response.headers]:
            self._fail(f"the answer has the header {present[0]}")

    @_take.register
    def _(self, step: steps.Send) -> None:
        self._send(step.client, step.data)

    @_take.register
    def _(self, step: steps.Receive) -> None:
        self._match(step.pattern, self._next(step.client, step.after))
        if step.after:
            self._long(step.since, step.after)

    @_take.register
    def _(self, step: steps.Ask) -> None:
        def asked() -> str | None:
            self._send(step.client, step.data)
            return difference(step.pattern, self._next(step.client), self._names)

        self._eventually(asked, self._patience)

    @_take.register
    def _(self, step: steps.Silent) -> None:
        self._clients[step.client].send(self._fill(step.probe))
        self._match(step.pattern, self._next(step.client))

    @_take.register
    def _(self, step: steps.Wait) -> None:
        time.sleep(step.seconds / self._target.scale)

    @_take.register
    def _(self, step: steps.Closed) -> None:
        close = self._close(step)
        if close is None or step.code not in {None, close.code} or step.reason not in {None, close.reason}:
            self._fail(f"it was closed with {close}")
        self._long(step.client, step.after)

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
        status, content = self._http(step)
        self._expect(status, step.status, content)
        self._match(step.pattern, content)

    @_take.register
    def _(self, step: steps.Until) -> None:
        inner = step.step
        for self._posted in range(step.most):
            if isinstance(inner, steps.Http):
                status, content = self._http(inner)
            else:
                status, _, content = self._connect(inner)
            if status != step.status:
                self._expect(status, inner.status, content)
                return
        self._fail(f"the status is {step.status} all of {step.most} times")

    @_take.register
    def _(self, step: steps.Drain) -> None:
        for _ in range(self._posted):
            self._match(step.data, self._next(step.client))

    @_take.register
    def _(self, step: steps.Sdk) -> None:
        arguments = {name: self._fill(text) for name, text in step.arguments.items()}
        answer = getattr(self._target.management(), step.operation)(**arguments)
        self._match(step.pattern, answer)

    @_take.register
    def _(self, step: steps.Backend) -> None:
        backend = self._target.backend
        assert backend is not None, "the target has no backend"
        asked = backend.asked(step.path, self._fill(step.about), 0 if step.never else self._patience)
        if (asked is None) is not step.never:
            self._fail(f"the backend was asked: {asked}" if asked else "the backend was not asked")
        if asked is not None:
            self._match(step.pattern, asked)

    @_take.register
    def _(self, step: steps.Logged) -> None:
        logs, about = self._target.client("logs"), self._fill(step.about)
        self._later(lambda: watch.logged(logs, step.group, about, step.pattern, self._names))

    @_take.register
    def _(self, step: steps.Measured) -> None:
        cloudwatch = self._target.client("cloudwatch")
        dimensions = {name: self._fill(value) for name, value in step.dimensions.items()}
        self._later(lambda: watch.measured(cloudwatch, step, dimensions))

    @_take.register
    def _(self, step: steps.Metrics) -> None:
        cloudwatch, api = self._target.client("cloudwatch"), self._fill(step.api)
        self._later(lambda: watch.unnamed(cloudwatch, api, step.names))

    @_take.register
    def _(self, step: steps.Refused) -> None:
        assert self._target.refusal is not None, "the target makes no APIs"
        error = self._target.refusal(step.kind, step.properties)
        if error is None or step.about not in error:
            self._fail("it was made" if error is None else f"it says {error}")

    # What several steps do.

    def _fill(self, text: str) -> str:
        return filled(text, self._names)

    def _close(self, step: steps.Closed) -> Close | None:
        """The close frame that a client gets, once it does."""
        client = self._clients[step.client]
        end = time.monotonic() + self._patience + step.after / self._target.scale
        while True:
            left = end - time.monotonic()
            if left <= 0:
                self._fail("it stays open")
            try:
                message = client.recv(timeout=min(left, _BUSY / self._target.scale) if step.meanwhile else left)
                if not step.meanwhile:
                    self._fail(f"a message came instead: {message!r}")
            except ConnectionClosed as closed:
                return closed.rcvd
            except TimeoutError:
                if step.meanwhile:
                    with contextlib.suppress(ConnectionClosed):
                        client.send(step.meanwhile)

    def _connect(self, step: steps.Connect) -> tuple[int, ClientConnection | None, str]:
        """A handshake's status, and the connection, or why there is none."""
        url, headers = self._signed(step)
        try:
            opening = connect(
                url.replace("http", "ws", 1),
                sock=self._target.socket(),
                subprotocols=[Subprotocol(offer) for offer in step.offers] or None,
                additional_headers={**step.headers, **headers},
                user_agent_header=None if step.user_agent is None else self._fill(step.user_agent),
                open_timeout=self._patience,
                compression=None,
                max_size=None,
                ping_interval=None,
            )
        except InvalidStatus as refused:
            return refused.response.status_code, None, repr(refused.response.body)
        return 101, self._open.enter_context(opening), "it was accepted"

    def _connect_dead(self, step: steps.Connect) -> None:
        """Connect, and never again read or write. Closing the socket is left to the end."""
        url, headers = self._signed(step)
        headers |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        headers |= {"Sec-WebSocket-Key": b64encode(os.urandom(16)).decode()}
        headers |= {} if step.user_agent is None else {"User-Agent": self._fill(step.user_agent)}
        connection, status, content = self._target.ask("GET", url, headers, b"", self._patience)
        self._open.enter_context(contextlib.closing(connection))
        self._expect(status, step.status, content)

    def _signed(self, step: steps.Connect) -> tuple[str, dict[str, str]]:
        query = f"?{self._fill(step.query)}" if step.query else ""
        return self._target.signed(
            "GET", self._target.https(step.suffix + query, self._fill(step.at)), b"", step.signed
        )

    def _http(self, step: steps.Http) -> tuple[int, str]:
        url = self._target.https(self._fill(step.path))
        _, headers = self._target.signed(step.method, url, step.body, step.signed)
        connection, status, content = self._target.ask(step.method, url, headers, step.body, self._patience)
        connection.close()
        return status, content

    def _send(self, client: str, data: str | bytes | Sequence[str]) -> None:
        self._busy[client] = time.monotonic()
        with contextlib.suppress(ConnectionClosed):  # the gateway may close while we still send
            self._clients[client].send(
                data if isinstance(data, bytes) else self._fill(data) if isinstance(data, str) else list(data)
            )

    def _next(self, client: str, after: float = 0.0) -> str:
        try:
            message = self._clients[client].recv(timeout=self._patience + after / self._target.scale)
        except TimeoutError:
            self._fail("nothing came")
        except ConnectionClosed as closed:
            self._fail(f"the connection was closed with {closed.rcvd}")
        return message if isinstance(message, str) else json.dumps(message.hex())

    def _long(self, client: str, after: float) -> None:
        """Fail unless so much time has passed since a client was connected or sent something."""
        passed = (time.monotonic() - self._busy[client]) * self._target.scale
        if passed < after * _SHORT:
            self._fail(f"it came after {passed:.0f} s, not {after:.0f}")

    def _later(self, problem: Callable[[], str | None]) -> None:
        """Wait for what metrics and logs tell with some delay."""
        self._eventually(problem, self._patience + self._target.lag)

    def _eventually(self, problem: Callable[[], str | None], patience: float) -> None:
        """Wait until there is no problem any more; fails with the last one."""
        end = time.monotonic() + patience
        while (found := problem()) is not None:
            if time.monotonic() > end:
                self._fail(found)
            time.sleep(_PAUSE)
