"""A target group: who gets requests, and who still does. Pure: times are passed in.

Sources: "Target groups for your Network Load Balancers" and "Health checks for Network Load Balancer target groups",
Elastic Load Balancing documentation. That deregistered targets go on getting new connections for minutes is what people
see: kubernetes-sigs/aws-load-balancer-controller issues 2366 and 1064.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from localcloud.pods.model import TargetGroup
    from localcloud.pods.settings import PodSettings

Address = tuple[str, int]


@dataclass(slots=True)
class Target:
    """An address. `since` is when it was registered, or began to be deregistered."""

    state: Literal["initial", "healthy", "unhealthy", "draining"]
    since: float
    in_a_row: int = 0
    failing: bool = False


class Targets:
    """The targets of one group."""

    def __init__(self, group: TargetGroup, settings: PodSettings, seed: int = 0) -> None:
        self.group = group
        self._settings = settings
        self._targets: dict[Address, Target] = {}
        self._random = random.Random(seed)

    def register(self, address: Address, now: float) -> None:
        """A new target, or one that is taken back while it drains."""
        target = self._targets.get(address)
        if target is None or target.state == "draining":
            self._targets[address] = Target("initial", now)

    def deregister(self, address: Address, now: float) -> None:
        """No longer a target. Connections that it has stay, and it may get more for a while."""
        target = self._targets.get(address)
        if target is None or target.state == "draining":
            return
        if target.state == "initial":
            del self._targets[address]
        else:
            self._targets[address] = Target("draining", now, failing=target.failing)

    def checked(self, address: Address, passed: bool) -> None:
        """An active health check has come back. The first one that passes is enough for a new target."""
        target = self._targets.get(address)
        if target is None or target.state == "draining":
            return
        good = target.state == "healthy"
        target.in_a_row = 0 if passed is good else target.in_a_row + 1
        if passed:
            target.failing = False
        needed = self.group.unhealthy_threshold if good else self.group.healthy_threshold
        if (target.state == "initial" and passed) or target.in_a_row >= needed:
            target.state, target.in_a_row = "healthy" if passed else "unhealthy", 0

    def failed(self, address: Address) -> None:
        """A connection was refused, or ended without an answer: a passive health check, until an active one passes.

        That there are passive checks is documented; what they take for a failure is not.
        """
        if (target := self._targets.get(address)) is not None:
            target.failing = True

    def state(self, address: Address) -> str:
        """A target's state, as DescribeTargetHealth has it; `unused` for what is none."""
        target = self._targets.get(address)
        return "unused" if target is None else target.state

    def pick(self, now: float) -> Address | None:
        """Where a request goes now; None when there is no target.

        Any that is healthy, or drains and still gets some; of the unhealthy when no target is healthy (fail open).
        """
        self._forget(now)
        late = self._settings.straggler_seconds
        good = [
            address
            for address, target in self._targets.items()
            if not target.failing
            and (target.state == "healthy" or (target.state == "draining" and now < target.since + late))
        ]
        if not good:
            good = [address for address, target in self._targets.items() if target.state in {"healthy", "unhealthy"}]
        return self._random.choice(good) if good else None

    def _forget(self, now: float) -> None:
        gone = max(self.group.deregistration_delay, self._settings.straggler_seconds)
        for address, target in list(self._targets.items()):
            if target.state == "draining" and now >= target.since + gone:
                del self._targets[address]
