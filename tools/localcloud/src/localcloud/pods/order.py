"""Which pod goes first when there are too many.

Source: ActivePodsWithRanks.Less in kubernetes/kubernetes pkg/controller/controller_utils.go. Which task ECS stops first
is not documented; it goes by the same order here.
"""

from __future__ import annotations

import math
import re
from functools import cmp_to_key
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Standing(NamedTuple):
    """What a pod's place depends on. Times are epoch seconds; `started` is None while its container has not."""

    name: str
    created: float
    started: float | None = None
    ready_since: float | None = None
    restarts: int = 0
    deletion_cost: int = 0


T = TypeVar("T")

#: The annotation by which a pod goes earlier or later than others.
#: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def deletion_cost(annotations: Mapping[str, str]) -> int:
    """What an annotation says; 0 when there is none, or one that the API would not have taken."""
    return int(annotations[DELETION_COST]) if DELETION_COST in annotations and valid_cost(annotations) else 0


def valid_cost(annotations: Mapping[str, str]) -> bool:
    """Whether the API takes them: a cost is a whole number of 32 bits, without a plus sign or leading zeros."""
    text = annotations.get(DELETION_COST, "0")
    return re.fullmatch("0|-?[1-9][0-9]{0,9}", text) is not None and -(2**31) <= int(text) < 2**31


def first_to_go(pods: Iterable[T], standing: Callable[[T], Standing], now: float) -> list[T]:
    """The pods, those that are deleted first at the front."""

    def compare(one: T, other: T) -> int:
        return _compare(standing(one), standing(other), now)

    return sorted(pods, key=cmp_to_key(compare))


def _compare(one: Standing, other: Standing, now: float) -> int:
    """Negative when `one` goes before `other`."""
    coarse = (one.started is not None, one.ready_since is not None, one.deletion_cost)
    if coarse != (than := (other.started is not None, other.ready_since is not None, other.deletion_cost)):
        return -1 if coarse < than else 1
    if one.ready_since is not None and other.ready_since is not None and one.ready_since != other.ready_since:
        return _younger_first(one.ready_since, other.ready_since, now) or _by_name(one, other)
    if one.restarts != other.restarts:
        return other.restarts - one.restarts
    if one.created != other.created:
        return _younger_first(one.created, other.created, now) or _by_name(one, other)
    return 0


def _younger_first(one: float, other: float, now: float) -> int:
    """Ages count in powers of two, of nanoseconds: of those that are about as old, any may go."""
    return _magnitude(now - one) - _magnitude(now - other)


def _magnitude(seconds: float) -> int:
    return int(math.log2(seconds * 1e9)) if seconds * 1e9 >= 1 else -1


def _by_name(one: Standing, other: Standing) -> int:
    """The controller compares UIDs, which say as little."""
    return -1 if one.name < other.name else 1
