"""Replicas of one pod: as many as are wanted, and the ready ones known to their target groups."""

from __future__ import annotations

import asyncio
import random
import string
from typing import TYPE_CHECKING

from localcloud.pods import addresses, order
from localcloud.pods.pod import Pod

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localcloud.pods.balancing import Group
    from localcloud.pods.container import Host
    from localcloud.pods.model import FleetSpec

# As Kubernetes makes names: no vowels, nothing that looks like something else.
_LETTERS = "".join(sorted(set(string.ascii_lowercase + string.digits) - set("aeiou013")))


class Fleet:
    """The replicas of a Deployment, or the tasks of a service."""

    def __init__(
        self, spec: FleetSpec, groups: Mapping[str, Group], host: Host, changed: Callable[[], None] = lambda: None
    ) -> None:
        """`changed` is called when something has that `describe` gives."""
        self.spec = spec
        self.wanted = 0
        self._groups = groups
        self._host = host
        self._changed = changed
        self._pods: list[Pod] = []
        self._stopped = False

    @property
    def pods(self) -> list[Pod]:
        """All of them, those that are about to end last."""
        return sorted(self._pods, key=lambda pod: pod.terminating)

    @property
    def ready(self) -> int:
        """How many take requests."""
        return sum(pod.ready for pod in self._pods)

    @property
    def running(self) -> int:
        """How many run and are not about to end."""
        return sum(pod.running and not pod.terminating for pod in self._pods)

    def describe(self) -> dict[str, object]:
        """As a ready file has it."""
        return {"name": self.spec.name, "wanted": self.wanted, "pods": [pod.describe() for pod in self.pods]}

    def count(self) -> str:
        """Such as `2 of 3 pods ready`."""
        return f"{self.ready} of {self.wanted} {self.spec.noun}{'' if self.wanted == 1 else 's'} ready"

    def scale(self, replicas: int) -> None:
        """Have so many. LocalError when there is no address for one more."""
        self.wanted = replicas
        here = [pod for pod in self._pods if not pod.terminating]
        for _ in range(replicas - len(here)):
            self._add()
        surplus = max(len(here) - replicas, 0)
        for pod in order.first_to_go(here, lambda pod: pod.standing, self._host.clock.now())[:surplus]:
            pod.terminate()
        self._changed()

    async def stop(self) -> None:
        """End all of them at once."""
        self._stopped = True
        await asyncio.gather(*(pod.kill() for pod in self._pods))

    def _add(self) -> None:
        name = "".join(random.choices(_LETTERS, k=5))
        lease = addresses.lease(self.spec.pod.ports.values())
        spec = self.spec
        pod = Pod(name, f"{spec.name}/{name}", spec.pod, lease, self._host, self._sync, spec.namespace)
        for service in () if spec.bindings else spec.services:  # who is behind a balancer is reached by it
            self._host.services[f"{service}.{spec.namespace}"] = pod.address
        self._pods.append(pod)
        pod.start(self._gone)

    def _gone(self, pod: Pod) -> None:
        self._pods.remove(pod)
        self._sync()

    def _sync(self) -> None:
        """Let balancers know who is ready, as a controller does that watches the EndpointSlices of a Service."""
        if self._stopped:
            return
        ready = [pod.address for pod in self._pods if pod.ready]
        for binding in self.spec.bindings:
            self._groups[binding.target_group].want({(address, binding.port) for address in ready})
        self._changed()
