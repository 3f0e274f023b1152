"""The bus as the manifest starts it, on a real server: pods can use it, and for nothing else."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from infra.kubernetes.sockets.bus import bus
from infra.settings import Settings
from pods.sockets.bus import Bus, Hint, Listener
from pods.sockets.metrics import SocketMetrics
from tests.processes import PATIENCE, eventually

# Valkey takes the same options.
SERVER = shutil.which("valkey-server") or shutil.which("redis-server")

pytestmark = [pytest.mark.skipif(SERVER is None, reason="needs valkey-server or redis-server")]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    deployment = bus(Settings())[-1]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    command = [str(port) if part == "6379" else part for part in container["command"][1:]]
    folder: Path = tmp_path_factory.mktemp("bus")
    process = subprocess.Popen(
        [str(SERVER), *command, "--bind", "127.0.0.1"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        eventually(lambda: process.poll() is not None or answers(port), "a bus that listens")
        assert process.poll() is None
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    try:
        with Redis(port=port, protocol=2) as client:
            return bool(client.ping())
    except RedisError:
        return False


async def hinted(url: str) -> Hint:
    """What pod b receives when pod a tells it something."""
    received: asyncio.Queue[Hint] = asyncio.Queue()
    metrics = {name: SocketMetrics(1) for name in "ab"}
    ends = {name: Bus(url, name, metrics[name]) for name in metrics}
    listener = Listener(received.put_nowait, lambda: None)
    running = [asyncio.create_task(end.run(listener)) for end in ends.values()]
    try:
        async with asyncio.timeout(PATIENCE):
            while not all(figure.bus_connected for figure in metrics.values()):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
            ends["a"].tell("b", Hint("room", [("s", "b.1")], b"{}"))
            return await received.get()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def test_a_hint_reaches_another_pod(url: str) -> None:
    assert asyncio.run(hinted(url)) == Hint("room", [("s", "b.1")], b"{}")


FORBIDDEN = ["SET a b", "CONFIG GET *", "FLUSHALL", "PUBLISH other x", "CLIENT KILL ID 1", "EVAL 1 0"]


@pytest.mark.parametrize("command", FORBIDDEN)
def test_whoever_gets_in_can_do_nothing_else(url: str, command: str) -> None:
    with Redis.from_url(url, protocol=2) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command.split())
