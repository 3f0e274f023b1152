"""Probes: what their answers come to, and how they are made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.pods.model import HttpGet, TcpSocket

if TYPE_CHECKING:
    from localcloud.pods.model import Probe

_HEAD_LIMIT = 64 * 1024


@dataclass(slots=True)
class Tally:
    """What a probe's answers come to: it passes or fails after so many in a row."""

    probe: Probe
    passing: bool
    _passed: int = 0
    _failed: int = 0

    def add(self, passed: bool) -> bool:
        """One answer more; gives whether the verdict has changed."""
        before = self.passing
        if passed:
            self._passed, self._failed = self._passed + 1, 0
            if self._passed >= self.probe.success_threshold:
                self.passing = True
        else:
            self._passed, self._failed = 0, self._failed + 1
            if self._failed >= self.probe.failure_threshold:
                self.passing = False
        return self.passing is not before

    @property
    def failed(self) -> bool:
        """Whether it has failed so often in a row that it counts."""
        return self._failed >= self.probe.failure_threshold


async def asks(action: HttpGet | TcpSocket, address: str, seconds: float) -> bool:
    """Whether the answer is a good one, within so many real seconds."""
    try:
        async with asyncio.timeout(seconds):
            if isinstance(action, HttpGet):
                return 200 <= await status(action, address) < 400
            _, writer = await asyncio.open_connection(address, action.port)
            writer.close()
            return True
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
        return False


async def status(get: HttpGet, address: str) -> int:
    """The status of a GET. OSError, EOFError, ValueError or LimitOverrunError when it is not answered as HTTP is."""
    reader, writer = await asyncio.open_connection(address, get.port, limit=_HEAD_LIMIT)
    try:
        given = {name.lower() for name, _ in get.headers}
        lines = [f"GET {get.path} HTTP/1.1", *(f"{name}: {value}" for name, value in get.headers)]
        if "host" not in given:
            lines.append(f"Host: {address}:{get.port}")
        writer.write("\r\n".join([*lines, "User-Agent: kube-probe/local", "Connection: close", "", ""]).encode())
        version, code, *_ = (await reader.readuntil(b"\r\n")).split()
        if not version.startswith(b"HTTP/"):
            raise ValueError("no HTTP")
        return int(code)
    finally:
        writer.close()
