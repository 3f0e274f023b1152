"""Sockets on which many may connect at once."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import ExitStack

import pytest
import uvloop

from backend.settings import Settings
from pods.listening import listen
from pods.sockets.acceptor import Acceptor
from pods.sockets.application import SocketApplication
from pods.sockets.handshake import Handshakes
from pods.sockets.limits import Limits
from pods.sockets.metrics import SocketMetrics
from pods.sockets.socket import Hub, OpenSockets
from pods.sockets.threads import Threads

TIMEOUT = 30


def test_a_pod_accepts_many_that_wait_in_a_few_turns_and_nobody_once_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    async def test() -> int:
        loop, metrics = asyncio.get_running_loop(), SocketMetrics(64)
        sockets, threads = OpenSockets(loop), Threads(loop)
        settings = Settings("table", jobs_url="https://sqs.eu-west-1.amazonaws.com/123456789012/jobs")
        application = SocketApplication(settings, metrics, sockets, threads, None, capacity=64)
        hub = Hub(Limits(), metrics, sockets, threads, application)
        acceptor = Acceptor(hub, Handshakes(hub))
        address = "127.0.0.1", await acceptor.start("127.0.0.1", 0)
        accepting = 0  # turns in which somebody was
        with ExitStack() as stack:
            for _ in range(64):
                stack.enter_context(socket.create_connection(address, timeout=TIMEOUT))
            async with asyncio.timeout(TIMEOUT):
                while (before := acceptor.open) < 64:
                    await asyncio.sleep(0)
                    accepting += acceptor.open > before
        acceptor.stop()
        async with asyncio.timeout(TIMEOUT):
            while acceptor.open:  # noqa: ASYNC110 - the acceptor tells nobody
                await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=TIMEOUT)
        threads.stop()
        return accepting

    assert uvloop.run(test()) <= 64 / 4  # it is 64 with one descriptor


def test_a_port_is_taken_once() -> None:
    with ExitStack() as stack:
        listeners = [stack.enter_context(one) for one in listen("127.0.0.1", 0)]
        assert {one.getsockname() for one in listeners} == {listeners[0].getsockname()}
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            listen("127.0.0.1", listeners[0].getsockname()[1])
