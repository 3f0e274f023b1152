"""TLS that ends in the pod."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import uvloop

from backend.settings import SettingsError
from pods.sockets.certificate import Certificate
from tests.pods.certificates import trusting, write

NAME = "sockets.example.com"


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


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(record)["reason"] for record in caplog.records]


def test_new_handshakes_see_a_certificate_that_was_renewed(tmp_path: Path) -> None:
    first = write(tmp_path, "first.example.com")
    certificate = Certificate.from_environment(first)
    assert certificate is not None
    assert served(certificate, trusting(first), "first.example.com") == "first.example.com"
    certificate.reload()
    second = write(tmp_path, "second.example.com")
    certificate.reload()
    assert served(certificate, trusting(second), "second.example.com") == "second.example.com"


def test_files_that_do_not_fit_leave_the_certificate_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = write(tmp_path, NAME)
    trust = trusting(files)
    certificate = Certificate.from_environment(files)
    assert certificate is not None
    other = tmp_path / "other"
    other.mkdir()
    Path(files["TLS_KEY"]).write_text(Path(write(other, NAME)["TLS_KEY"]).read_text())
    certificate.reload()
    certificate.reload()
    assert served(certificate, trust, NAME) == NAME
    assert reasons(caplog) == ["key values mismatch"]
    Path(files["TLS_KEY"]).unlink()
    certificate.reload()
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
