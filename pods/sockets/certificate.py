"""TLS in the pod: a certificate from two files, read again when they change, as cert-manager changes them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path

from backend.log import logger
from backend.settings import SettingsError

#: How often the files are looked at, in seconds.
CHECK_SECONDS = 30.0


class Certificate:
    """`context` is what listening sockets take; new handshakes see a certificate as soon as it has been read."""

    def __init__(self, chain: Path, key: Path) -> None:
        """PEM files: the certificate with what leads to its root, and its key without a password.

        Raises SettingsError when they cannot be read or do not belong together.
        """
        self._files = (chain, key)
        try:
            self._seen = self._stamp()
            self.context = self._context()
        except (OSError, ValueError) as error:  # ssl's errors are OSErrors
            raise SettingsError(f"TLS_CERTIFICATE and TLS_KEY: {_reason(error)}") from None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Certificate | None:
        """None without TLS_CERTIFICATE and TLS_KEY: TLS ends elsewhere. Raises SettingsError."""
        chain, key = environment.get("TLS_CERTIFICATE"), environment.get("TLS_KEY")
        if not chain and not key:
            return None
        if not chain or not key:
            raise SettingsError("TLS_CERTIFICATE and TLS_KEY must be set together: paths of PEM files")
        return cls(Path(chain), Path(key))

    async def keep(self) -> None:
        """Look for new files, for ever. Those that cannot be used change nothing, and are told about once."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.reload()

    def reload(self) -> None:
        """Read the files again if they have changed."""
        try:
            stamp = self._stamp()
            if stamp == self._seen:
                return
            self._seen = stamp
            self._context()  # a pair that does not fit would leave the context in use half changed
            self._load(self.context)
        except (OSError, ValueError) as error:
            logger.warning("certificate not read again", reason=_reason(error))
        else:
            logger.info("certificate read again")

    def _stamp(self) -> list[tuple[int, int]]:
        return [(status.st_ino, status.st_mtime_ns) for status in (file.stat() for file in self._files)]

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        # Without an answer to the question, OpenSSL would ask for a password on the terminal.
        context.load_cert_chain(*self._files, password="")


def _reason(error: Exception) -> str:
    """What is wrong, with the file when the system names it; OpenSSL's own words have no file."""
    if isinstance(error, ssl.SSLError):
        words = (error.reason or "").lower().replace("_", " ")
        return words or "not a certificate and its key, in PEM and without a password"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return str(error)
