"""A pod that ends: everybody is sent away, nobody is cut without a word."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.e2e.socket_pods.conftest import Pods
from tests.e2e.socket_pods.fleet import Pod
from tests.e2e.socket_pods.raw import TEXT, Raw, frame
from tests.processes import PATIENCE, eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def to_the_end(client: ClientConnection) -> tuple[list[str], int | None]:
    """What comes, and the close code."""
    frames = []
    while True:
        try:
            frames.append(str(client.recv(PATIENCE)))
        except ConnectionClosed as closed:
            return frames, closed.rcvd.code if closed.rcvd is not None else None


def drained(pod: Pod) -> tuple[int, int]:
    """What a pod says when it has ended."""
    assert pod.process.wait(PATIENCE) == 0
    pod.stop()
    (line,) = [json.loads(line) for line in pod.lines if '"drained"' in line]
    return line["closed"], line["cut"]


@pytest.mark.parametrize("how", ["signal", "admin"])
def test_everybody_is_asked_to_reconnect_and_closed_with_1001(pods: Pods, opened: ExitStack, how: str) -> None:
    pod = pods(drain_seconds=3, grace_seconds=60)
    clients = [opened.enter_context(connect(pod.url)) for _ in range(8)]
    if how == "signal":
        pod.process.send_signal(signal.SIGTERM)
    else:
        assert pod.get("admin", "/drain", "POST")[0] == 202
    eventually(lambda: pod.figure("ws_draining"), "the drain")
    assert pod.get("port", "/readyz")[0] == 503
    assert pod.get("port", "/healthz")[0] == 200
    with Raw(pod) as late:
        head = late.ask()
        assert head.startswith("HTTP/1.1 503")
        assert "retry-after" in head.lower()
    pod.process.send_signal(signal.SIGTERM)  # a second one changes nothing
    for client in clients:
        assert to_the_end(client) == (['{"type":"reconnect"}'], 1001)
    assert drained(pod) == (8, 0)


def test_what_was_asked_is_answered_before_the_end(pods: Pods) -> None:
    pod = pods(message_rate=0)
    with connect(pod.url) as client:
        client.send('{"action":"ping"}')
        client.recv(PATIENCE)
        for number in range(30):
            client.send(json.dumps({"action": "publish", "room": "r", "data": 1, "id": number}))
        # The first answer shows that all of them have been read: they came in one piece, or wait in the kernel.
        frames = [client.recv(PATIENCE)]
        pod.process.send_signal(signal.SIGTERM)
        more, code = to_the_end(client)
    ids = [json.loads(text).get("id") for text in [*frames, *more] if "accepted" in str(text)]
    assert ids == list(range(len(ids)))
    assert code == 1001
    assert drained(pod) == (1, 0)


def test_who_does_not_answer_is_cut_and_counted(pods: Pods) -> None:
    pod = pods(drain_seconds=0, grace_seconds=4, close_seconds=600)
    with Raw(pod).open() as silent, connect(pod.url):
        silent.send(frame(TEXT, b"a"))
        assert silent.frame() == (TEXT, b"a")
        pod.process.send_signal(signal.SIGTERM)
        assert silent.code() == 1001
        assert silent.ended()
        assert drained(pod) == (1, 1)


def test_a_store_that_hangs_does_not_keep_the_process_beyond_its_grace_period(pods: Pods) -> None:
    """Its sockets are closed: to be killed with the sessions still held would look like a fault, and is none."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        pod = pods(drain_seconds=0, grace_seconds=1, aws_endpoint_url=url, jobs_url=f"{url}/1/jobs")
        with Raw(pod).open() as client:
            eventually(lambda: pod.figure("ws_connections_active"), "the socket")
            pod.process.send_signal(signal.SIGTERM)
            assert client.ended()
            assert drained(pod) == (0, 1)
    assert any("ended before every session was let go of" in line for line in pod.lines)


def test_sessions_are_let_go_of_before_the_process_ends(pods: Pods) -> None:
    pod, other = pods(), pods()
    with connect(pod.url) as client:
        client.send('{"action":"session"}')
        session = json.loads(client.recv(PATIENCE))
        pod.process.send_signal(signal.SIGTERM)
        assert to_the_end(client)[1] == 1001
    assert drained(pod) == (1, 0)
    with connect(other.url) as client:
        client.send(json.dumps({"action": "session", "resume": session["resumeToken"], "after": 0}))
        assert json.loads(client.recv(PATIENCE))["sessionId"] == session["sessionId"]
