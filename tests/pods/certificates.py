"""Certificates that sign themselves."""

from __future__ import annotations

import datetime
import ssl
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, password: bytes | None = None) -> dict[str, str]:
    """A certificate of `name` and its key, as the variables of a pod."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    files = {"TLS_CERTIFICATE": folder / "tls.crt", "TLS_KEY": folder / "tls.key"}
    files["TLS_CERTIFICATE"].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files["TLS_KEY"].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, lock))
    return {variable: str(path) for variable, path in files.items()}


def trusting(files: dict[str, str]) -> ssl.SSLContext:
    """What a client that trusts the certificate alone verifies with."""
    return ssl.create_default_context(cafile=files["TLS_CERTIFICATE"])
