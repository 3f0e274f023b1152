"""The local cloud: everything that a template's stacks need, started together and stopped together."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from localcloud import apis, references
from localcloud.aws import calls
from localcloud.aws.process import Aws
from localcloud.clock import Clock
from localcloud.errors import LocalError
from localcloud.faults import Faults
from localcloud.functions import function_metrics, runtime
from localcloud.functions.function import Function
from localcloud.functions.source import Sources
from localcloud.gateway.settings import Settings
from localcloud.http_client import HttpClient
from localcloud.metrics import Metrics
from localcloud.pods.container import Host
from localcloud.pods.pods import Pods
from localcloud.pods.relay import Relay
from localcloud.server import Server, Surroundings
from localcloud.template import ACCOUNT, REGION
from localcloud.triggers import timer
from localcloud.triggers.queues import QueuePoller

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping

    from localcloud.plans import Plan

_WATCH_SECONDS = 0.25
_PUBLISH_SECONDS = 0.5
_AWS_PORT = 566  # beside the console's: 4566 by default


@dataclass(frozen=True, slots=True)
class Address:
    """Where a variant answers: `url` for WebSockets; an API's `stage`, and its `management` for boto3's
    `endpoint_url`."""

    name: str
    url: str
    stage: str | None = None
    management: str | None = None

    def describe(self) -> dict[str, str]:
        """As a ready file has it, without what there is not."""
        return {name: value for name, value in asdict(self).items() if value is not None}


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
        origins: Iterable[str] = (),
        faults: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        """`port` is the first of the ports, 0 for any free ones; `concurrency` the workers a function may have.

        `report(name, line, is_metrics)` takes every line that functions and pods print. `origins` are web pages that
        may use the APIs; `faults` are rates by name (`localcloud.faults`). Raises LocalError for a VPC link to a load
        balancer that is not in the plans.
        """
        self._clock = clock or Clock()
        self._metrics = Metrics(self._clock)
        self._plans = plans
        self._port = port
        self._concurrency = concurrency
        self._report = report
        self._origins = frozenset(origins)
        self._rates, self._seed = faults or {}, seed
        self._faults = Faults(self._rates, seed, self._metrics)
        self._logs: list[tuple[str, int, str]] = []
        for plan in plans:
            _check_links(plan)
        self.changed = asyncio.Event()
        self.addresses: list[Address] = []
        self._functions: list[Function] = []
        self._pods: Pods | None = None
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
        prometheus = self.prometheus_url
        return {
            "apis": [address.describe() for address in self.addresses],
            "endpoints": {"aws": self.aws_url, **({"prometheus": prometheus} if prometheus else {})},
            "fleets": self._pods.describe() if self._pods is not None else [],
            "clock": {"started": self._clock.started, "scale": self._clock.scale},
            "region": REGION,
            "account": ACCOUNT,
            "pid": os.getpid(),
        }

    @property
    def prometheus_url(self) -> str | None:
        """That of the Prometheus beside the pods, where there is one."""
        return None if self._pods is None else self._pods.prometheus_url

    def replicas(self) -> list[tuple[str, str]]:
        """The variants that run in containers, and a line about how many."""
        return [] if self._pods is None else self._pods.counts()

    def function_table(self) -> list[str]:
        """A table of what the functions did, as lines; empty when they did nothing."""
        ran = [function for function in self._functions if function.metrics.invocations]
        return (
            list(function_metrics.table(function.metrics.row(function.spec.label) for function in ran)) if ran else []
        )

    def _printed(self, function: str, line: str) -> None:
        self._report(function, line, self._metrics.read_line(line))

    async def _start(self, stack: AsyncExitStack) -> None:
        """Start everything, each part with its end on `stack`: sockets end first, then functions, then AWS."""
        stacks = {plan.deployment.stack.name: plan.deployment.stack for plan in self._plans}
        creations = [call for stack_ in stacks.values() for call in calls.create(stack_)]
        aws_port = self._port + _AWS_PORT if self._port else 0
        starting = asyncio.ensure_future(Aws.start(aws_port, creations, self._clock, self._rates, self._seed))
        stack.push_async_callback(_stop_aws, starting)
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="localcloud-")))
        sources, packages = Sources(scratch / "sources"), runtime.link(scratch / "runtime")
        key, secret = next((plan.api.settings for plan in self._plans if plan.api is not None), Settings()).keys[0]
        surroundings = {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": "local",
        }
        gateways: dict[str, str] = {}
        functions = {
            spec.arn: Function(
                sources.follow(spec),
                runtime=packages,
                limit=self._concurrency,
                surroundings=surroundings,
                gateways=gateways,
                report=self._printed,
                clock=self._clock,
                metrics=self._metrics,
                faults=self._faults,
            )
            for plan in self._plans
            for spec in plan.functions
        }
        for function in functions.values():
            stack.push_async_callback(function.stop)
        host = Host(self._clock, self._printed, surroundings, gateways)
        pods = self._pods = Pods(((p.pods, p.pod_settings) for p in self._plans), host, self.changed.set)
        stack.push_async_callback(pods.stop)
        http = HttpClient(pods.balancers)
        stack.callback(http.close)
        outside = Surroundings(functions, http, self._metrics, self._log, self._faults, self._origins)
        listeners = [self._bind(plan, outside, pods, stack) for plan in self._plans]
        servers = [server for server in listeners if isinstance(server, Server)]
        gateways |= {name: f"http://{server.address}" for server in servers for name in server.api.domain_names}
        aws = await starting
        self._functions = list(functions.values())
        self.aws_url = surroundings["AWS_ENDPOINT_URL"] = aws.url
        await self._look_up(functions.values(), servers)
        for function in functions.values():
            function.warm()
        await pods.start()
        for listener in listeners:
            try:
                await listener.serve()
            except OSError as error:
                raise _busy(listener.address.rpartition(":")[2], error) from error
        own = (self._watch(sources, functions), self._publish(aws, functions, pods), self._report_its_end(aws))
        for background in (*own, *self._triggered(functions, aws), *pods.autoscaling(aws.url, REGION)):
            task = asyncio.ensure_future(background)
            task.add_done_callback(_tell)
            stack.callback(task.cancel)

    async def _look_up(self, functions: Iterable[Function], servers: Iterable[Server]) -> None:
        """Put in the values that the template refers to in Secrets Manager and Parameter Store."""
        values = references.Values(self.aws_url, REGION)
        try:
            for function in functions:
                environment = function.spec.environment
                function.spec = replace(
                    function.spec,
                    environment={
                        name: await references.substitute(text, values.fetch) for name, text in environment.items()
                    },
                )
            for plan, server in zip((plan for plan in self._plans if plan.api is not None), servers, strict=True):
                found = references.find(apis.integration_text(plan.deployment.stack))
                if found:
                    plan.deployment.stack.references = {
                        text: await values.fetch(lookup) for text, lookup in found.items()
                    }
                    server.use(apis.again(plan.deployment.stack, server.api))
        finally:
            values.close()

    def _bind(self, plan: Plan, outside: Surroundings, pods: Pods, stack: AsyncExitStack) -> Server | Relay:
        if plan.api is not None:
            server: Server | Relay = Server(plan.api, outside, self._clock)
        else:
            server = Relay(pods.groups[str(plan.entry)])
        port = self._port + plan.offset if self._port else 0
        try:
            server.bind(port)
        except OSError as error:
            raise _busy(port, error) from error
        stack.push_async_callback(server.stop)
        if plan.api is not None:
            path = f"{server.address}/{plan.api.stage}"
            self.addresses.append(Address(plan.name, f"ws://{path}", plan.api.stage, f"http://{path}"))
        else:
            self.addresses.append(Address(plan.name, f"ws://{server.address}/"))
        return server

    def _triggered(self, functions: Mapping[str, Function], aws: Aws) -> Iterator[Coroutine[None, None, None]]:
        """What invokes functions besides the gateway."""
        for plan in self._plans:
            for mapping in plan.triggers.queues:
                yield QueuePoller(
                    mapping,
                    functions[mapping.function_arn],
                    url=aws.url,
                    limit=self._concurrency,
                    clock=self._clock,
                    report=self._printed,
                ).run()
            for when in plan.triggers.timers:
                yield timer.run(when, functions[when.function_arn], self._clock, self._printed)

    async def _publish(self, aws: Aws, functions: Mapping[str, Function], pods: Pods) -> None:
        """Let CloudWatch know what was measured."""
        while True:
            await asyncio.sleep(_PUBLISH_SECONDS)
            for function in functions.values():
                function.sample()
            pods.sample(self._metrics)
            logs, self._logs = self._logs, []
            aws.measured(self._metrics.drain(), logs)

    def _log(self, group: str, line: str) -> None:
        self._logs.append((group, int(self._clock.now() * 1000), line))

    async def _report_its_end(self, aws: Aws) -> None:
        await aws.ended()
        self._report("AWS", "the local AWS endpoint has ended: stop this and start it again", False)

    async def _watch(self, sources: Sources, functions: Mapping[str, Function]) -> None:
        """Let edits take effect."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for folder, changed in sources.update():
                more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
                self._report("reload", f"{changed[0]}{more}", False)
                for function in functions.values():
                    if function.spec.source == folder:
                        function.reload()


def _busy(port: int | str, error: OSError) -> LocalError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return LocalError(f"cannot listen on port {port} ({reason}): choose other ports with --port")


def _check_links(plan: Plan) -> None:
    for route in plan.api.routes.values() if plan.api is not None else ():
        if route.integration is not None and route.integration.private:
            host = urlsplit(route.integration.url).hostname
            if host not in plan.pods.balancers:
                where = f"{plan.deployment.stack.name}, route {route.key}"
                raise LocalError(f"{where}: its VPC link leads to {host}, and no load balancer of that name runs here")


def _tell(task: asyncio.Future[None]) -> None:
    """Background work ends with the cloud. If it does before, that is a bug, which is not to stay unseen."""
    if not task.cancelled() and (error := task.exception()) is not None:
        message = "Exception in the background: stop this and start it again"
        asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})


async def _stop_aws(starting: asyncio.Future[Aws]) -> None:
    if not starting.done():
        starting.cancel()
    try:
        aws = await starting
    except (LocalError, asyncio.CancelledError):
        return
    await aws.stop()
