"""Starts and stops the process that is AWS here."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

import msgspec

from localcloud.errors import LocalError
from localcloud.template import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from localcloud.aws.calls import Call
    from localcloud.clock import Clock
    from localcloud.metrics import StatisticSet


class Aws:
    """The local AWS endpoint."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}"

    @classmethod
    async def start(
        cls, port: int, calls: Iterable[Call], clock: Clock, faults: Mapping[str, float] | None = None, seed: int = 0
    ) -> Aws:
        """Serve on `port` (0: any) and make the calls; LocalError when that does not work."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "localcloud.aws.server"),  # -P: not with the modules of the current folder
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            start_new_session=True,  # Ctrl-C in the terminal is for us alone; this ends when its stdin does
        )
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        try:
            request = {
                "port": port,
                "account": ACCOUNT,
                "region": REGION,
                "clock": [clock.started, clock.scale],
                "calls": [call.as_dict() for call in calls],
                "faults": {name: rate for name, rate in (faults or {}).items() if name == "dynamodb-throttled"},
                "seed": seed,
            }
            process.stdin.write(json.dumps(request).encode() + b"\n")
            line = await process.stdout.readline()
        except BaseException:
            await _end(process)
            raise
        answer = json.loads(line) if line else {"error": "it ended; install localcloud anew to repair its packages"}
        if "error" in answer:
            await _end(process)
            raise LocalError(f"the AWS endpoint did not start: {answer['error']}")
        return cls(process, int(answer["port"]))

    def measured(self, sets: list[StatisticSet], logs: Sequence[tuple[str, int, str]] = ()) -> None:
        """Let CloudWatch know: metrics, and lines of logs as group, epoch milliseconds and text."""
        if (sets or logs) and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(msgspec.json.encode({"metrics": sets, "logs": logs}) + b"\n")

    async def ended(self) -> None:
        """Wait until the process has ended, by itself or by `stop`."""
        await self._process.wait()

    async def stop(self) -> None:
        """End the process."""
        await _end(self._process)


def _environment() -> dict[str, str]:
    """Ours without what is about the real AWS, or the way to it: profiles, retries, proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
