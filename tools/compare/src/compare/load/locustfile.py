"""The same scenarios on Locust, for loads that one machine cannot send: `locust -f` this file.

DUPLEX_SCENARIO names the scenario; the host is the address. Each user is one connection; Locust decides how many there
are, where they run and how long, the scenario what they do and how often each. Locust shows answers and errors; what is
under way when it stops, it does not wait for, so nothing is said of losses.
"""

from __future__ import annotations

import os
import random
import time
from typing import Any

import gevent
from locust import User, events, task
from websocket import WebSocket, WebSocketException, create_connection

from compare.errors import CompareError
from compare.load.links import HANDSHAKE_SECONDS
from compare.load.measures import Measures, Request
from compare.load.members import Group, Plain, Sessioned
from compare.load.scenario import load
from compare.load.schedule import turns
from compare.load.targets import parse

_TICK = 0.2  # seconds between two looks at what is due of a connection itself

_scenario = load(os.environ.get("DUPLEX_SCENARIO", "echo"))


class _Reported(Measures):
    """Measures that Locust's own statistics show as they come."""

    def answered(self, name: str, asked: Request, now: float) -> None:
        super().answered(name, asked, now)
        _fire(name, (now - min(asked.due, asked.sent)) * 1000, None)

    def failed(self, kind: str) -> None:
        super().failed(kind)
        _fire("error", 0, CompareError(kind))


def _fire(name: str, milliseconds: float, error: Exception | None) -> None:
    events.request.fire(  # type: ignore[no-untyped-call]
        request_type="ws", name=name, response_time=milliseconds, response_length=0, exception=error, context={}
    )


# The users of one process: rooms and direct messages are among them.
_group = Group(_scenario, f"{random.getrandbits(48):x}", _Reported())
_clients: list[Client] = []
if _scenario.kind == "storm":
    raise CompareError("a storm on Locust is its own spawn rate: use the idle scenario, and -r")


class Client(User):
    """One connection, and its share of the scenario's rate; the scenario begins anew when its time is over."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        (self._target,) = parse([f"locust={self.host or ''}"])
        self._member: Plain | Sessioned = _group.enter()
        self._socket: WebSocket | None = None
        self._dropping = False
        _clients.append(self)

    def on_start(self) -> None:
        """Connect, and stay connected."""
        self._running = gevent.spawn(self._keep)
        self._ticking = gevent.spawn(self._tick)

    def on_stop(self) -> None:
        """Close."""
        self._running.kill()
        self._ticking.kill()
        if self._socket is not None:
            self._socket.close()

    @task
    def scenario(self) -> None:
        """Take each turn when it is due."""
        begin = time.monotonic()
        actions, weights = list(_scenario.actions), list(_scenario.actions.values())
        step = _scenario.connections
        for after in turns(_scenario.segments, random.uniform(0, step), step):
            gevent.sleep(max(0.0, begin + after - time.monotonic()))
            action = random.choices(actions, weights)[0]
            self._member.turn(action, begin + after, time.monotonic())
            self.flush()
            if action == "reconnect" and self._socket is not None:
                _clients[(self._member.number + 1) % len(_clients)].flush()  # which has written to this one
                self._dropping = True
                self._socket.shutdown()  # type: ignore[no-untyped-call]
        gevent.sleep(max(0.0, begin + _scenario.duration - time.monotonic()))

    def _keep(self) -> None:
        while True:
            due = now = time.monotonic()
            try:
                socket = create_connection(self._target.url, timeout=HANDSHAKE_SECONDS)
                socket.settimeout(None)
                _group.measures.answered("connect", Request(due, now, serial=True), time.monotonic())
                self._socket = socket
                self._member.connected(time.monotonic())
                self.flush()
                while message := socket.recv():
                    data = message if isinstance(message, bytes) else message.encode()
                    self._member.received(data, time.monotonic())
                    self.flush()
            except (OSError, WebSocketException) as error:
                if not (self._dropping or self._member.leaving(time.monotonic())):
                    _group.measures.failed(type(error).__name__)
            self._socket = None
            wait = self._member.disconnected(time.monotonic())
            if isinstance(self._member, Sessioned) and self._member.over:
                return
            gevent.sleep(0 if self._dropping else wait)
            self._dropping = False

    def _tick(self) -> None:
        while True:
            gevent.sleep(_TICK)
            if not self._member.tick(time.monotonic()) and self._socket is not None:
                self._socket.shutdown()  # type: ignore[no-untyped-call]
            self.flush()

    def flush(self) -> None:
        """Send what is to be sent."""
        socket = self._socket
        if socket is None:
            return
        for frame in self._member.frames():
            try:
                socket.send(frame)
            except (OSError, WebSocketException):
                return  # the reader sees it too, and connects again
