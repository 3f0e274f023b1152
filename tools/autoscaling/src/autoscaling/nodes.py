"""Nodes under the pods, as Karpenter brings and removes them.

Sources: https://karpenter.sh/docs/concepts/disruption/ (consolidationPolicy WhenEmpty, consolidateAfter). A pod
without room waits until its node is ready: 30 to 60 seconds are commonly seen, AWS promises nothing. Pods are packed
densely and go from the newest node first, which is the best case for consolidation.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from autoscaling.spec import Seconds, Spec


class NodePool(Spec, frozen=True, kw_only=True):
    """So many pods fit on a node; `startSeconds` from a pending pod to a ready node."""

    pods_per_node: Annotated[int, Meta(ge=1, le=1000)]
    start_seconds: Seconds = 50
    consolidate_after_seconds: Seconds = 0


class Nodes:
    """The nodes of one pool over time. Times passed in must not go back."""

    def __init__(self, pool: NodePool, pods: int = 0) -> None:
        self.pool = pool
        self.pods = pods
        self.node_seconds = 0.0
        self._ready: list[float] = [0.0] * self._needed(pods)  # when each node is ready, oldest first
        self._empty_since: list[float] = []  # for the newest nodes, those that hold no pod; oldest first
        self._now = 0.0

    @property
    def count(self) -> int:
        """Nodes that are paid for: ready ones and starting ones."""
        return len(self._ready)

    def add(self, now: float, pods: int) -> list[tuple[float, int]]:
        """Places new pods: when each part of them has a node, and how many."""
        self.advance(now)
        placed: list[tuple[float, int]] = []
        while pods:
            node = self.pods // self.pool.pods_per_node
            if node == len(self._ready):
                self._ready.append(now + self.pool.start_seconds)
            elif self.pods % self.pool.pods_per_node == 0:
                self._empty_since.pop(0)  # the oldest empty one is next to those in use
            part = min(pods, self.pool.pods_per_node - self.pods % self.pool.pods_per_node)
            at = max(now, self._ready[node])
            if placed and placed[-1][0] == at:
                placed[-1] = (at, placed[-1][1] + part)
            else:
                placed.append((at, part))
            self.pods += part
            pods -= part
        return placed

    def remove(self, now: float, pods: int) -> None:
        """Pods that are gone; their nodes follow when they have been empty for long enough."""
        self.advance(now)
        self.pods -= pods
        emptied = len(self._ready) - len(self._empty_since) - self._needed(self.pods)
        self._empty_since = [now] * emptied + self._empty_since
        self.advance(now)

    def advance(self, now: float) -> None:
        """Consolidates what has been empty for long enough by now, and counts node-seconds."""
        while self._empty_since and self._empty_since[-1] + self.pool.consolidate_after_seconds <= now:
            self._pass(max(self._empty_since.pop() + self.pool.consolidate_after_seconds, self._now))
            self._ready.pop()
        self._pass(now)

    def _pass(self, now: float) -> None:
        self.node_seconds += (now - self._now) * len(self._ready)
        self._now = now

    def _needed(self, pods: int) -> int:
        return -(-pods // self.pool.pods_per_node)
