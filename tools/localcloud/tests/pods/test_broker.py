"""The broker, which stands for a Redis where there is none."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from localcloud import assembly
from localcloud.pods import environment, images

from .. import assemblies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_broker_asks_nobody_who_they_are_so_it_stays_on_this_machine() -> None:
    command = [sys.executable, "-m", "localcloud.pods.broker"]
    for host in ("0.0.0.0", "localhost"):  # noqa: S104
        variables = {"HOST": host, "PORT": "0"}
        ended = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr == "localcloud.pods.broker: HOST must be a loopback address: it asks nobody who they are\n"


@contextmanager
def client(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=60) as connection:
        yield connection


def ask(connection: socket.socket, *arguments: str) -> None:
    parts = (f"${len(argument)}\r\n{argument}\r\n" for argument in arguments)
    connection.sendall(f"*{len(arguments)}\r\n{''.join(parts)}".encode())


def expect(connection: socket.socket, text: str) -> None:
    received = b""
    while len(received) < len(text) and (more := connection.recv(4096)):
        received += more
    assert received == text.encode()


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A broker, started as it is where there is no Redis."""
    deployment = assembly.read(assemblies.echo().write(tmp_path / "out", ""))["ChatLambda"]
    monkeypatch.setenv("PATH", str(tmp_path))
    run = images.run(deployment, "Bus", {"image": "redis:8"}, {"bus": 0})
    # As a container runs: elsewhere, and with none of this process's variables.
    process = subprocess.Popen(
        [run.program, *run.command],
        cwd=run.folder,
        env=environment.resolve(run.environment, {"status.podIP": "127.0.0.1"}),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["bus"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_without_a_redis_it_carries_what_is_published(url: str) -> None:
    with client(url) as subscriber, client(url) as publisher:
        ask(subscriber, "SUBSCRIBE", "news")
        expect(subscriber, "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
        ask(publisher, "PUBLISH", "news", "hello")
        expect(publisher, ":1\r\n")
        expect(subscriber, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n")
        ask(publisher, "PUBLISH", "other", "hello")
        expect(publisher, ":0\r\n")


@pytest.mark.parametrize("ending", ["\n", "\r\r", "  "])
def test_lines_that_do_not_end_as_those_of_resp_are_no_command(url: str, ending: str) -> None:
    with client(url) as connection:
        connection.sendall(f"*12{ending}$44{ending}PING\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        expect(connection, "")
        assert connection.recv(4096) == b""
