"""Network Load Balancers: listeners, the groups they lead to, and health checks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from localcloud.pods import probes
from localcloud.pods.model import HttpGet, TcpSocket
from localcloud.pods.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localcloud.clock import Clock
    from localcloud.pods.settings import PodSettings
    from localcloud.pods.targets import Address


_NEW_SECONDS = 1.0  # between checks of a target that has not passed one yet: nobody wants to wait for the interval


class Balancer:
    """One load balancer, as the gateway's HTTP client knows it."""

    def __init__(self, listeners: Mapping[int, Group]) -> None:
        self._listeners = listeners

    def __call__(self, port: int) -> Address | None:
        """Where a listener leads now."""
        group = self._listeners.get(port)
        return None if group is None else group.pick()

    def failed(self, address: Address) -> None:
        """A connection to there was refused, or ended without an answer."""
        for group in self._listeners.values():
            group.targets.failed(address)


class Group:
    """A target group at work: it asks its targets for their health. `serving` is set once there was a healthy one."""

    def __init__(self, targets: Targets, settings: PodSettings, clock: Clock) -> None:
        self.targets = targets
        self._settings = settings
        self._clock = clock
        self.serving = asyncio.Event()
        self._checks: dict[Address, asyncio.Task[None]] = {}
        self._wanted: set[Address] = set()
        self._pending: set[asyncio.TimerHandle] = set()
        self.on_cut: Callable[[Address], None] = lambda _: None  # flows to there are to end

    def pick(self) -> Address | None:
        """Where a request goes now."""
        return self.targets.pick(self._clock.now())

    def want(self, addresses: set[Address]) -> None:
        """These are to be the targets, in a while."""
        before, self._wanted = self._wanted, addresses
        for address in addresses - before:
            self._later(self._settings.registration_seconds, self._register, address)
        for address in before - addresses:
            self._later(self._settings.deregistration_seconds, self._deregister, address)

    def stop(self) -> None:
        """No more checks."""
        for task in self._checks.values():
            task.cancel()
        for timer in self._pending:
            timer.cancel()

    def _later(self, seconds: float, call: Callable[[Address], None], address: Address) -> None:
        if not seconds:
            call(address)
            return
        real = seconds / self._clock.scale
        self._pending.add(asyncio.get_running_loop().call_later(real, call, address))

    def _register(self, address: Address) -> None:
        if address not in self._wanted:
            return  # it has changed its mind meanwhile
        self.targets.register(address, self._clock.now())
        if address not in self._checks:
            self._checks[address] = asyncio.get_running_loop().create_task(self._check(address))

    def _deregister(self, address: Address) -> None:
        if address in self._wanted:
            return
        self.targets.deregister(address, self._clock.now())
        if self.targets.group.cuts_deregistered:
            self._later(self.targets.group.deregistration_delay, self._cut_deregistered, address)
        if (task := self._checks.pop(address, None)) is not None:
            task.cancel()

    def _cut_deregistered(self, address: Address) -> None:
        if self.targets.state(address) in {"draining", "unused"}:
            self.on_cut(address)

    async def _check(self, address: Address) -> None:
        group = self.targets.group
        port = group.check_port or address[1]
        action = TcpSocket(port) if group.check_path is None else HttpGet(port, group.check_path)
        while True:
            passed = await probes.asks(action, address[0], group.timeout)
            before = self.targets.state(address)
            self.targets.checked(address, passed)
            if group.cuts_unhealthy and (before, self.targets.state(address)) == ("healthy", "unhealthy"):
                self.on_cut(address)
            if passed:
                self.serving.set()
            new = self.targets.state(address) == "initial"
            await self._clock.sleep(min(group.interval, _NEW_SECONDS) if new else group.interval)
