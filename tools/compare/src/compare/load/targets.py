"""What the load goes to: given addresses, or every variant of the backend, each in a local cloud of its own."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from picows import WSCloseCode, WSError, WSListener, ws_connect

from compare.errors import CompareError
from compare.load.links import HUNG_UP, reason
from localcloud import plans
from localcloud.errors import LocalError

_START_SECONDS = 120
_STOP_SECONDS = 20
_PROBE_SECONDS = 30


class TargetError(CompareError):
    """A target that does not answer."""

    status = 1


@dataclass(frozen=True, slots=True)
class Target:
    """An address under a name. `pid` and `aws`, an endpoint, are of the local cloud that serves it, if one does."""

    name: str
    url: str
    pid: int | None = None
    aws: str | None = None
    region: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is emulated on this machine."""
        return self.pid is not None


def parse(given: Sequence[str]) -> list[Target]:
    """Targets from `NAME=ws[s]://…`. Raises CompareError."""
    targets: dict[str, Target] = {}
    for text in given:
        name, equals, url = text.partition("=")
        if not equals or not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]{0,30}", name):
            raise CompareError(f"--target: {text[:80]!r} is not NAME=ws://… or NAME=wss://…")
        try:
            parts = urlsplit(url)
            valid = parts.scheme in {"ws", "wss"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            valid = False
        if not valid:
            raise CompareError(f"--target {name}: {shown(url)!r} is no ws:// or wss:// address")
        if name in targets:
            raise CompareError(f"--target {name}: the name is given twice")
        # The Region is in API Gateway's own names; behind a name of one's own it comes from the AWS configuration.
        region = re.search(r"\.execute-api\.([a-z0-9-]+)\.amazonaws\.com", parts.hostname or "")
        targets[name] = Target(name, url, region=region[1] if region else None)
    return list(targets.values())


def shown(url: str) -> str:
    """An address without its query and credentials, which may be secret."""
    return re.sub(r"//[^/@]*@", "//", url.partition("?")[0])[:200]


async def probe(target: Target) -> None:
    """Connect once. Raises TargetError: one line that says what happened."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            transport, listener = await ws_connect(
                WSListener, target.url, max_redirects=0, websocket_handshake_timeout=None
            )
    except (OSError, WSError, TimeoutError) as error:
        raise TargetError(f"target {target.name}: {shown(target.url)}: {reason(error)}") from None
    if listener is None:
        raise TargetError(f"target {target.name}: {shown(target.url)}: {HUNG_UP}")
    transport.send_close(WSCloseCode.OK)
    transport.disconnect()


@asynccontextmanager
async def local_clouds(assembly: Path) -> AsyncIterator[list[Target]]:
    """Every variant that the assembly has, started; stopped on leaving. Raises TargetError."""
    variants = _variants(assembly)
    started: list[asyncio.subprocess.Process] = []
    with tempfile.TemporaryDirectory(prefix="duplex-compare-") as folder:
        try:
            targets = []
            for name in variants:
                ready_file = Path(folder) / f"{name}.json"
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "localcloud", "--backends", name, "--port", "0"),
                    *("--assembly", str(assembly), "--ready-file", str(ready_file)),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    start_new_session=True,  # Ctrl-C in the terminal is for us alone; we stop it when we end
                )
                started.append(process)
                ready = await _ready(name, process, ready_file)
                cloud = (ready["pid"], ready["endpoints"]["aws"], ready["region"])
                targets += [Target(api["name"], api["url"], *cloud) for api in ready["apis"]]
            yield targets
        finally:
            await asyncio.gather(*map(_stop, started))


def _variants(assembly: Path) -> list[str]:
    if not (assembly / "manifest.json").is_file():
        raise TargetError(
            f"there is no assembly in {assembly}: run it in the clone of Duplex after make synth BACKENDS=all, "
            "or give --assembly FOLDER; compare run also takes --target NAME=WS-URL"
        )
    try:
        return plans.variants(assembly)
    except LocalError as error:
        raise TargetError(str(error)) from None


async def _ready(name: str, process: asyncio.subprocess.Process, file: Path) -> dict[str, Any]:
    end = time.monotonic() + _START_SECONDS
    while (ready := _read(file)) is None:
        if process.returncode is not None:
            assert process.stderr is not None  # noqa: S101 - it is a pipe
            said = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
            raise TargetError(f"the local cloud for {name} did not start: {said[-1] if said else 'it said nothing'}")
        if time.monotonic() > end:
            raise TargetError(f"the local cloud for {name} did not start within {_START_SECONDS} s")
        await asyncio.sleep(0.05)
    return ready


def _read(file: Path) -> dict[str, Any] | None:
    """A ready file, once it is there."""
    try:
        document: dict[str, Any] = msgspec.json.decode(file.read_bytes())
    except FileNotFoundError:
        return None
    return document


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
