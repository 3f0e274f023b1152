"""One replica, as a kubelet runs it: started, probed, restarted, and ended in order.

Waits are virtual time; what bounds the work of a real process, probes' timeouts and the grace period, is real time.
Sources: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ and, for the order of things at its end,
killContainer in kubernetes/kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from localcloud.pods import probes
from localcloud.pods.container import Container, Host
from localcloud.pods.model import Exec, HttpGet, Sleep
from localcloud.pods.order import Standing, deletion_cost

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.pods.addresses import Lease
    from localcloud.pods.model import PodSpec, Probe

_LEAST_GRACE = 2  # seconds between SIGTERM and SIGKILL, even when preStop has used up all there was
_BACK_OFF, _LONGEST_BACK_OFF = 10, 300  # seconds before the second restart; it doubles
_FORGIVEN = 600  # seconds: who has run so long starts over at the first back-off


def back_off(restarts: int) -> int:
    """Seconds to wait before a restart; the first one is at once.

    Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
    """
    return min(_BACK_OFF << min(restarts - 2, 10), _LONGEST_BACK_OFF) if restarts > 1 else 0


def grace_left(grace: float, elapsed: float) -> float:
    """Seconds from SIGTERM to SIGKILL when preStop has taken so many of them."""
    return max(grace - elapsed, _LEAST_GRACE)


class Pod:
    """A replica. `changed` is called whenever its readiness, its process or its wish to end has changed."""

    def __init__(
        self,
        name: str,
        label: str,
        spec: PodSpec,
        lease: Lease,
        host: Host,
        changed: Callable[[], None],
        namespace: str = "default",
    ) -> None:
        self.name = name
        self.uid = str(uuid.uuid4())
        self.spec = spec
        self.annotations = dict(spec.annotations)
        self.address = lease.address
        self.created = host.clock.now()
        self.started: float | None = None
        self.ready_since: float | None = None
        self.restarts = 0
        self.deleted: float | None = None
        self._namespace = namespace
        self._label = label
        self._lease = lease
        self._host = host
        self._changed = changed
        self._container: Container | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    def start(self, done: Callable[[Pod], None]) -> None:
        """Run it from now on; `done` is called when nothing of it is left."""
        self._task = asyncio.get_running_loop().create_task(self._run())

        def finished(task: asyncio.Task[None]) -> None:
            self._lease.close()
            self._unready()
            if not task.cancelled() and (error := task.exception()) is not None:
                self._say(f"cannot run: {error}")
            done(self)

        self._task.add_done_callback(finished)

    @property
    def terminating(self) -> bool:
        """Whether it is to end."""
        return self.deleted is not None

    @property
    def ready(self) -> bool:
        """Whether requests may come."""
        return self.ready_since is not None and not self.terminating

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self._container is not None and self._container.running

    @property
    def pid(self) -> int | None:
        """The process's id, while it runs."""
        return self._container.pid if self._container is not None and self.running else None

    @property
    def standing(self) -> Standing:
        """What its place depends on when there are too many."""
        cost = deletion_cost(self.annotations)
        return Standing(self.name, self.created, self.started, self.ready_since, self.restarts, cost)

    def describe(self) -> dict[str, object]:
        """As a ready file has it."""
        return {
            "name": self.name,
            "pid": self.pid,
            "address": self.address,
            "ready": self.ready,
            "terminating": self.terminating,
            "restarts": self.restarts,
        }

    def terminate(self) -> None:
        """End it in order: no longer ready from now on, then preStop, SIGTERM, SIGKILL."""
        self.deleted = self._host.clock.now()
        self._ending = asyncio.get_running_loop().create_task(self._terminate())
        self._changed()

    async def kill(self) -> None:
        """End it at once."""
        tasks = [task for task in (self._ending, self._task) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    # What becomes of it while it is wanted.

    async def _run(self) -> None:
        failures = 0
        while True:
            began = self._host.clock.now()
            how = await self._run_once()
            if self.terminating:
                return
            self.restarts += 1
            failures = 1 if self._host.clock.now() - began > _FORGIVEN else failures + 1
            wait = back_off(failures)
            self._say(f"{how}; restarting {f'in {wait} seconds' if wait else 'it'}")
            self._changed()
            await self._host.clock.sleep(wait)

    async def _run_once(self) -> str:
        """One run of the container; gives how it ended."""
        container = self._container = Container(self._say, quiet=bool(self.spec.program))
        watching = None
        try:
            await container.run(self._host, self.spec, self._facts, self.spec.command)
            self.started = self._host.clock.now()
            self._changed()
            watching = asyncio.get_running_loop().create_task(self._watch(container))
            await container.gone()
        except OSError as error:
            return f"cannot start: {error}"
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.wait([watching])
            self.started = None
            self._unready()
        return container.how

    @property
    def _facts(self) -> dict[str, str]:
        return {"status.podIP": self.address, "metadata.name": self.name, "metadata.namespace": self._namespace}

    async def _watch(self, container: Container) -> None:
        if self.spec.startup is not None:
            tally = probes.Tally(self.spec.startup, passing=False)
            await self._each(self.spec.startup, lambda passed: not (tally.add(passed) or tally.failed))
            if not tally.passing:
                await self._give_up(container, "startup")
                return
        await asyncio.gather(self._watch_life(container), self._watch_readiness())

    async def _watch_life(self, container: Container) -> None:
        if self.spec.liveness is None:
            return
        tally = probes.Tally(self.spec.liveness, passing=True)

        def heard(passed: bool) -> bool:
            tally.add(passed)
            return tally.passing or self.terminating  # who is about to end may well have closed its port

        await self._each(self.spec.liveness, heard)
        await self._give_up(container, "liveness")

    async def _watch_readiness(self) -> None:
        if self.spec.readiness is None:
            self._set_ready(True)
            return
        tally = probes.Tally(self.spec.readiness, passing=False)

        def heard(passed: bool) -> bool:
            if tally.add(passed):
                self._set_ready(tally.passing)
            return True

        await self._each(self.spec.readiness, heard)

    async def _each(self, probe: Probe, goes_on: Callable[[bool], bool]) -> None:
        """Ask again and again, until `goes_on` says of an answer that it was the last."""
        await self._host.clock.sleep(probe.initial_delay)
        while goes_on(await self._ask(probe)):
            await self._host.clock.sleep(probe.period)

    async def _ask(self, probe: Probe) -> bool:
        if isinstance(probe.action, Exec):
            return await self._execute(probe.action, probe.timeout)
        return await probes.asks(probe.action, self.address, probe.timeout)

    async def _execute(self, command: Exec, seconds: float) -> bool:
        """Whether a command in the container exits with 0, within so many real seconds."""
        beside = Container(lambda _: None)
        with suppress(OSError, TimeoutError):
            await beside.run(self._host, self.spec, self._facts, command.command, by_exec=True)
            async with asyncio.timeout(seconds):
                await beside.gone()
        return beside.how == "exit status 0"

    async def _give_up(self, container: Container, probe: str) -> None:
        if not self.terminating:
            self._say(f"its {probe} probe fails")
            self._unready()
            await self._end(container)

    # How it ends.

    async def _terminate(self) -> None:
        if self._container is not None and self.running:
            await self._end(self._container)
        if self._task is not None:
            self._task.cancel()  # it may wait for its next restart

    async def _end(self, container: Container) -> None:
        """preStop, SIGTERM, SIGKILL: the clock of the grace period starts before preStop does."""
        began = self._host.clock.now()
        if self.spec.pre_stop is not None and not await self._pre_stop(self.spec.pre_stop):
            self._say("its preStop hook has failed")
        await container.stop(grace_left(self.spec.grace, self._host.clock.now() - began))

    async def _pre_stop(self, hook: HttpGet | Exec | Sleep) -> bool:
        if isinstance(hook, Sleep):
            clock = self._host.clock
            await clock.sleep_until(clock.now() + min(hook.seconds, self.spec.grace))
            return hook.seconds <= self.spec.grace
        if isinstance(hook, Exec):
            return await self._execute(hook, self.spec.grace)
        return await probes.asks(hook, self.address, self.spec.grace)

    # What others see.

    def _set_ready(self, ready: bool) -> None:
        if ready is not (self.ready_since is not None):
            self.ready_since = self._host.clock.now() if ready else None
            if not ready and not self.terminating:
                self._say("not ready")
            self._changed()

    def _unready(self) -> None:
        if self.ready_since is not None:
            self.ready_since = None
            self._changed()

    def _say(self, line: str) -> None:
        self._host.report(self._label, line)
