"""Fleets of the sample pod in this process, for tests that watch them closely."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from localcloud import assembly
from localcloud.clock import Clock
from localcloud.pods import definitions
from localcloud.pods.container import Host
from localcloud.pods.pods import Pods
from localcloud.pods.settings import PodSettings

from . import samples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from localcloud.pods.balancing import Balancer
    from localcloud.pods.fleet import Fleet
    from localcloud.pods.pod import Pod

    from ..assemblies import Builder

PATIENCE = 60.0  # seconds; only a failing test waits that long


class Scene:
    """What runs, and what it has said."""

    def __init__(self, pods: Pods, lines: list[str]) -> None:
        self.pods = pods
        self.lines = lines
        self.fleet = pods._fleets[0]

    @property
    def balancer(self) -> Balancer:
        """The one there is."""
        (balancer,) = self.pods.balancers.values()
        return balancer

    def named(self, name: str) -> Pod:
        """A replica by its name."""
        return next(pod for pod in self.fleet.pods if pod.name == name)

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """The first true value of a condition."""
        end = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert time.monotonic() < end, "\n".join([f"never: {what}", *self.lines])
            await asyncio.sleep(0.01)
        return value

    async def said(self, text: str) -> str:
        """The first line with this text, once there is one."""
        line = await self.until(lambda: next((line for line in self.lines if text in line), None), text)
        return str(line)

    async def ready(self, count: int) -> Fleet:
        """So many are ready."""
        await self.until(lambda: self.fleet.ready == count, f"{count} ready")
        return self.fleet


@asynccontextmanager
async def scene(
    builder: Builder,
    folder: Path,
    *,
    scale: float = 1,
    stack: str = "ChatEks",
    variant: str = "eks",
    **settings: float,
) -> AsyncIterator[Scene]:
    """Run what an assembly says, from the start to the end of everything."""
    found = assembly.read(samples.write(builder, folder, stack))[stack]
    lines: list[str] = []
    host = Host(Clock(scale), lambda label, line: lines.append(f"[{label}] {line}"))
    pods = Pods([(definitions.read(found, variant), PodSettings(**settings))], host)
    try:
        await pods.start()
        yield Scene(pods, lines)
    finally:
        await pods.stop()


async def listens(address: str, port: int = samples.PORT) -> None:
    """Wait until somebody listens there: a task without a health check counts as ready from its start."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            _, writer = await asyncio.open_connection(address, port)
        except ConnectionRefusedError:
            assert time.monotonic() < end, f"nobody listens on {address}"
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return


async def post(address: str, text: str, port: int = samples.PORT) -> str:
    """The answer of one pod."""
    reader, writer = await asyncio.open_connection(address, port)
    body = text.encode()
    writer.write(f"POST /message HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        return (await reader.readexactly(length)).decode()
    finally:
        writer.close()
