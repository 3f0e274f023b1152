"""The pods and the sockets on them: who holds how many.

Pods with the same load are one cohort, so a step costs the same for ten pods and for ten thousand. Arrivals go to the
pods with the fewest connections: that is what a load balancer should do with sockets that stay (the Application Load
Balancer's least outstanding requests); round robin would fill the old pods while the new ones are empty.
"""

from __future__ import annotations

import bisect
from typing import NamedTuple

from autoscaling.nodes import NodePool, Nodes
from autoscaling.resources import CPU_INITIALIZATION_PERIOD


class Batch(NamedTuple):
    """Pods that were created together: when their node is there, and when they are ready."""

    ready_at: float
    node_at: float
    pods: int


class Fleet:
    """Pods of one Deployment or service, where the gateway in front of them holds the sockets.

    `held` is how many connections there are; they belong to no pod, so scaling in cuts none. `ready` pods share them,
    and new ones find room while all ready pods together have some. `replicas` counts pods that are not ready, too.
    """

    def __init__(self, replicas: int, capacity: int, start_seconds: float, pool: NodePool | None) -> None:
        self.capacity = capacity
        self.replicas = replicas
        self.ready = replicas
        self.held = 0
        self.starting: list[Batch] = []  # by the time at which they are ready
        self.fresh: list[Batch] = []  # those ready not long ago, newest last
        self.nodes = Nodes(pool, replicas) if pool else None
        self._start_seconds = start_seconds

    @property
    def room(self) -> int:
        return max(self.ready * self.capacity - self.held, 0)

    def add(self, now: float, count: int) -> None:
        """Creates pods. Each is ready when it has a node and has started."""
        self.replicas += count
        placed = self.nodes.add(now, count) if self.nodes else [(now, count)]
        for node_at, part in placed:
            bisect.insort(self.starting, Batch(node_at + self._start_seconds, node_at, part))
        self.promote(now)

    def promote(self, now: float) -> None:
        """Makes ready what is due by now, and forgets which pods were new long ago."""
        while self.fresh and self.fresh[0].ready_at < now - CPU_INITIALIZATION_PERIOD:
            self.fresh.pop(0)
        while self.starting and self.starting[0].ready_at <= now:
            batch = self.starting.pop(0)
            self.ready += batch.pods
            self.fresh.append(batch)
            self._joined(batch.pods)

    def remove(self, now: float, count: int) -> int:
        """Deletes pods, unready ones first as a ReplicaSet does; gives the number of sockets they held."""
        self.replicas -= count
        if self.nodes:
            self.nodes.remove(now, count)
        count = _take(self.starting, count)
        _take(self.fresh, count)
        self.ready -= count
        return self._left(count)

    def accept(self, arrivals: int) -> int:
        """Opens connections as far as there is room; gives how many."""
        accepted = min(arrivals, self.room)
        self.held += accepted
        return accepted

    def leave(self, count: int) -> None:
        """Closes so many connections, at most those that are held, in proportion to what each pod holds."""
        self.held -= count

    def _joined(self, count: int) -> None: ...

    def _left(self, count: int) -> int:  # noqa: ARG002 - for the subclass
        return 0


class SocketFleet(Fleet):
    """Pods that hold the sockets themselves: a socket stays where it is until it is closed."""

    def __init__(self, replicas: int, capacity: int, start_seconds: float, pool: NodePool | None) -> None:
        super().__init__(replicas, capacity, start_seconds, pool)
        self._cohorts: list[list[int]] = [[0, replicas]] if replicas else []  # [load, pods], least load first

    def accept(self, arrivals: int) -> int:
        accepted = super().accept(arrivals)
        left = accepted
        cohorts = self._cohorts
        while left:  # raise the lowest cohort to the next one's level, as far as it goes
            load, pods = cohorts[0]
            level = cohorts[1][0] if len(cohorts) > 1 else self.capacity
            if left >= (level - load) * pods:
                left -= (level - load) * pods
                cohorts[0][0] = level
                self._merge(0)
            else:
                each, rest = divmod(left, pods)
                cohorts[0] = [load + each, pods - rest]
                if rest:
                    cohorts.insert(1, [load + each + 1, rest])
                    self._merge(1)
                left = 0
        return accepted

    def leave(self, count: int) -> None:
        if not count:
            return
        held, left = self.held, count
        self.held -= count
        for cohort in self._cohorts:
            each = cohort[0] * count // held
            cohort[0] -= each
            left -= each * cohort[1]
        # What rounding has left over comes off the fullest pods, one each.
        index = len(self._cohorts) - 1
        while left:
            load, pods = self._cohorts[index]
            part = min(left, pods)
            left -= part
            self._cohorts[index] = [load - 1, part]
            if part < pods:
                self._cohorts.insert(index + 1, [load, pods - part])
            index -= 1
        self._cohorts.sort()
        for index in range(len(self._cohorts) - 1, 0, -1):
            self._merge(index - 1)

    def _joined(self, count: int) -> None:
        if self._cohorts and self._cohorts[0][0] == 0:
            self._cohorts[0][1] += count
        else:
            self._cohorts.insert(0, [0, count])

    def _left(self, count: int) -> int:
        """The pods ready for the shortest time go first; here those are the ones with the fewest sockets."""
        cut = 0
        while count:
            load, pods = self._cohorts[0]
            part = min(count, pods)
            cut += load * part
            count -= part
            if part < pods:
                self._cohorts[0][1] -= part
            else:
                self._cohorts.pop(0)
        self.held -= cut
        return cut

    def _merge(self, index: int) -> None:
        cohorts = self._cohorts
        if index + 1 < len(cohorts) and cohorts[index][0] == cohorts[index + 1][0]:
            cohorts[index][1] += cohorts.pop(index + 1)[1]

    def loads(self) -> list[tuple[int, int]]:
        """(connections, how many pods hold so many), fewest first."""
        return [(load, pods) for load, pods in self._cohorts]


def _take(batches: list[Batch], count: int) -> int:
    """Takes pods off the newest batches; gives how many are still to be taken elsewhere."""
    while count and batches:
        batch = batches.pop()
        if batch.pods > count:
            batches.append(batch._replace(pods=batch.pods - count))
            return 0
        count -= batch.pods
    return count
