"""The example with python-socketio, as its own client sees it."""

from __future__ import annotations

import signal
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import socketio

from tests.processes import Process, eventually, free_port


class Example(Process):
    """The example on free ports."""

    def __init__(self) -> None:
        self.port, self.metrics_port = free_port(), free_port()
        variables = {"PORT": self.port, "METRICS_PORT": self.metrics_port, "HOST": "127.0.0.1", "DRAIN_SECONDS": 4}
        environment = {name: str(value) for name, value in variables.items()}
        super().__init__(sys.executable, "docs/examples/socketio_pod.py", environment=environment)
        eventually(lambda: self.status("/readyz") == 200, "the example")

    def status(self, path: str) -> int:
        assert self.process.poll() is None, "\n".join(self.lines)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def active(self) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        (value,) = [line.split()[1] for line in lines if line.startswith("ws_connections_active ")]
        return float(value)


@pytest.fixture
def example() -> Iterator[Example]:
    with ExitStack() as stack:
        example = Example()
        stack.callback(example.stop)
        yield example


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_the_gauge_counts_who_is_upgraded_and_a_drain_sends_everybody_away(example: Example, opened: ExitStack) -> None:
    def connect(*transports: str) -> tuple[socketio.Client, threading.Event]:
        client, told = socketio.Client(reconnection=False), threading.Event()
        client.on("reconnect", told.set)
        client.connect(f"http://127.0.0.1:{example.port}", transports=list(transports) or None, wait_timeout=30)
        opened.callback(client.shutdown)
        return client, told

    polling, by_polling = connect("polling")
    assert polling.transport() == "polling"
    assert example.active() == 0
    websocket, by_websocket = connect("websocket")
    eventually(lambda: example.active() == 1, "the websocket")
    upgraded, by_upgraded = connect()
    assert upgraded.transport() == "websocket"
    eventually(lambda: example.active() == 2, "the upgraded one")
    websocket.disconnect()
    eventually(lambda: example.active() == 1, "one less")
    again, by_again = connect("websocket")
    eventually(lambda: example.active() == 2, "one more")

    example.process.send_signal(signal.SIGTERM)
    eventually(lambda: example.status("/readyz") == 503, "not ready")
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect("websocket")
    for told in (by_polling, by_upgraded, by_again):
        assert told.wait(30)
    assert not by_websocket.is_set()
    assert example.process.wait(30) == 0
    eventually(lambda: not (polling.connected or upgraded.connected or again.connected), "everybody disconnected")
    assert example.stop() == 0
    assert not any("Traceback" in line for line in example.lines), "\n".join(example.lines)
