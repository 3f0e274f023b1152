"""The local cloud: everything that a template's stacks need, started together and stopped together."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import apis, assembly
from local.aws import calls
from local.aws.process import Aws
from local.clock import Clock
from local.errors import LocalError
from local.functions import definitions
from local.functions.function import Function
from local.metrics import Metrics
from local.server import Server
from local.template import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.assembly import Deployment
    from local.functions.function import FunctionSpec
    from local.gateway.model import Api

# A variant is a stack of the assembly, on a port of its own beside the console's.
BACKENDS = {"lambda": ("DuplexLambda", 1)}
_AWS_PORT = 566  # beside the console's: 4566 by default


@dataclass(frozen=True, slots=True)
class Address:
    """Where an API answers: `url` for WebSockets, `management` for boto3's `endpoint_url`."""

    name: str
    url: str
    stage: str
    management: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run: a stack's API and functions under a variant's name; `offset` is added to the first port."""

    name: str
    offset: int
    deployment: Deployment
    api: Api
    functions: list[FunctionSpec]


def plan(folder: Path, backends: Iterable[str]) -> list[Plan]:
    """Read what the variants of an assembly would run; LocalError for what cannot."""
    deployments = assembly.read(folder)
    plans = []
    for name in backends:
        stack, offset = BACKENDS[name]
        if stack not in deployments:
            raise LocalError(f"{folder} has no stack {stack}: run make synth")
        found = apis.read(deployments[stack].stack)
        if len(found) != 1:
            raise LocalError(f"{stack} should have one WebSocket API, and has {len(found)}")
        plans.append(Plan(name, offset, deployments[stack], found[0], definitions.read(deployments[stack])))
    return plans


class Cloud:
    """What runs. Use as an asynchronous context manager: leaving it stops everything."""

    def __init__(
        self,
        plans: list[Plan],
        *,
        port: int,
        concurrency: int,
        report: Callable[[str, str, bool], None],
        clock: Clock | None = None,
    ) -> None:
        """`port` is the first of the ports, 0 for any free ones; `concurrency` the workers a function may have.

        `report(function, line, is_metrics)` takes every line that functions print.
        """
        self._clock = clock or Clock()
        self._metrics = Metrics(self._clock)
        self._plans = plans
        self._port = port
        self._concurrency = concurrency
        self._report = report
        self.addresses: list[Address] = []
        self.aws_url = ""

    async def __aenter__(self) -> Cloud:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._running = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    def describe(self) -> dict[str, object]:
        """What a ready file holds."""
        return {
            "apis": [
                {"name": a.name, "url": a.url, "stage": a.stage, "management": a.management} for a in self.addresses
            ],
            "endpoints": {"aws": self.aws_url},
            "region": REGION,
            "account": ACCOUNT,
            "pid": os.getpid(),
        }

    def _printed(self, function: str, line: str) -> None:
        self._report(function, line, self._metrics.read_line(line))

    async def _start(self, stack: AsyncExitStack) -> None:
        creations = [call for plan in self._plans for call in calls.create(plan.deployment.stack)]
        aws_port = self._port + _AWS_PORT if self._port else 0
        starting = asyncio.ensure_future(Aws.start(aws_port, REGION, creations))
        stack.push_async_callback(_stop_aws, starting)
        functions: dict[str, Function] = {}
        gateways: dict[str, str] = {}
        for plan in self._plans:
            server = Server(plan.api, functions, self._clock, self._metrics)
            port = self._port + plan.offset if self._port else 0
            try:
                bound = await server.listen(port)
            except OSError as error:
                raise LocalError(
                    f"port {port} is in use ({error.strerror}): stop what uses it, or choose others with --port"
                ) from error
            stack.push_async_callback(server.stop)
            local = f"127.0.0.1:{bound}"
            gateways[plan.api.domain_name] = f"http://{local}"
            stage = plan.api.stage
            self.addresses.append(Address(plan.name, f"ws://{local}/{stage}", stage, f"http://{local}/{stage}"))
        self.aws_url = (await starting).url
        surroundings = {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "local",
            "AWS_ENDPOINT_URL": self.aws_url,
        }
        for plan in self._plans:
            for spec in plan.functions:
                functions[spec.arn] = Function(
                    spec,
                    limit=self._concurrency,
                    surroundings=surroundings,
                    gateways=gateways,
                    report=self._printed,
                    clock=self._clock,
                    metrics=self._metrics,
                )
                stack.push_async_callback(functions[spec.arn].stop)
        for function in functions.values():
            function.warm()


async def _stop_aws(starting: asyncio.Future[Aws]) -> None:
    if not starting.done():
        starting.cancel()
    try:
        aws = await starting
    except (LocalError, asyncio.CancelledError):
        return
    await aws.stop()


def write_ready_file(path: Path, cloud: Cloud) -> None:
    """Write what is running, all at once: whoever waits for the file never sees half of it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(cloud.describe(), indent=2) + "\n")
    partial.replace(path)
