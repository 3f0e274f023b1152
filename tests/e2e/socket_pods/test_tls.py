"""TLS that ends in the pod, as clients see it."""

from __future__ import annotations

import json
import socket
import urllib.request
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import InvalidMessage
from websockets.sync.client import connect

from tests.pods.certificates import trusting, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.socket_pods.conftest import Pods

NAME = "sockets.example.com"


def test_clients_and_probes_speak_tls_and_a_drain_says_goodbye(pods: Pods, tmp_path: Path) -> None:
    files = write(tmp_path, NAME)
    pod = pods(**files)
    trust = trusting(files)
    host, port = pod.address
    with connect(f"wss://{NAME}", sock=socket.create_connection((host, port)), ssl=trust) as client:
        client.send("x" * 30_000)
        assert client.recv(timeout=60) == "x" * 30_000
        unnamed = trusting(files)
        unnamed.check_hostname = False
        with urllib.request.urlopen(f"https://{host}:{port}/readyz", context=unnamed, timeout=60) as answer:
            assert answer.status == 200
        with pytest.raises(InvalidMessage), connect(pod.url, open_timeout=60):
            pass
        assert pod.figure("ws_connections_active") == 1
        pod.get("admin", "/drain", "POST")
        assert [json.loads(frame)["type"] for frame in client] == ["reconnect"]
        assert client.close_code == 1001
    assert pod.process.wait(60) == 0
