"""TLS that ends in the pod."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import urllib.request
from pathlib import Path

import pytest
import uvloop
from websockets.exceptions import InvalidMessage
from websockets.sync.client import connect

from backend.settings import SettingsError
from pods.certificate import Certificate
from tests.pods.certificates import write
from tests.pods.conftest import Pods

NAME = "sockets.example.com"


def trusting(files: dict[str, str]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files["TLS_CERTIFICATE"])


def served(certificate: Certificate, client: ssl.SSLContext, name: str) -> str:
    """Whom a handshake with what the certificate says now is with."""

    async def handshake() -> str:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=certificate.context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
            subject = writer.get_extra_info("peercert")["subject"]
            await reader.read()
            writer.close()
            return str(dict(entry[0] for entry in subject)["commonName"])

    return uvloop.run(handshake())


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


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(record)["reason"] for record in caplog.records]


def test_new_handshakes_see_a_certificate_that_was_renewed(tmp_path: Path) -> None:
    first = write(tmp_path, "first.example.com")
    certificate = Certificate.from_environment(first)
    assert certificate is not None
    assert served(certificate, trusting(first), "first.example.com") == "first.example.com"
    certificate.look()
    second = write(tmp_path, "second.example.com")
    certificate.look()
    assert served(certificate, trusting(second), "second.example.com") == "second.example.com"


def test_files_that_do_not_fit_leave_the_certificate_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = write(tmp_path, NAME)
    trust = trusting(files)
    certificate = Certificate.from_environment(files)
    assert certificate is not None
    other = tmp_path / "other"
    other.mkdir()
    Path(files["TLS_KEY"]).write_text(Path(write(other, NAME)["TLS_KEY"]).read_text())
    certificate.look()
    certificate.look()
    assert served(certificate, trust, NAME) == NAME
    assert reasons(caplog) == ["key values mismatch"]
    Path(files["TLS_KEY"]).unlink()
    certificate.look()
    assert reasons(caplog)[1:] == [f"{files['TLS_KEY']}: No such file or directory"]


def test_without_both_files_there_is_no_tls(tmp_path: Path) -> None:
    files = write(tmp_path, NAME)
    assert Certificate.from_environment({}) is None
    for missing in files:
        with pytest.raises(SettingsError, match="set together"):
            Certificate.from_environment({**files, missing: ""})


def test_files_that_cannot_be_used_are_named_at_the_start(tmp_path: Path) -> None:
    files = write(tmp_path, NAME)
    with pytest.raises(SettingsError, match=r"TLS_CERTIFICATE and TLS_KEY: .*none.pem: No such file"):
        Certificate.from_environment({**files, "TLS_KEY": str(tmp_path / "none.pem")})
    Path(files["TLS_CERTIFICATE"]).write_text("no certificate")
    with pytest.raises(SettingsError, match="TLS_CERTIFICATE and TLS_KEY: not a certificate and its key"):
        Certificate.from_environment(files)
    locked = write(tmp_path, NAME, b"password")
    with pytest.raises(SettingsError, match="TLS_CERTIFICATE and TLS_KEY: not a certificate and its key, in PEM"):
        Certificate.from_environment(locked)
