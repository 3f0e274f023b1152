"""One AWS endpoint for the tests of pods, and as many pods on it as they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.socket_pods.fleet import Fleet, Pod

Pods = Callable[..., Pod]


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """One pod, as it comes but for the message rate."""
    with Fleet(1, message_rate=0, drain_seconds=0) as fleet:
        yield fleet


@pytest.fixture
def pods(fleet: Fleet) -> Iterator[Pods]:
    """Starts pods with settings of their own, which end with the test."""
    with ExitStack() as stack:

        def start(**environment: object) -> Pod:
            pod = fleet.start(**{"drain_seconds": 0, **environment})
            stack.callback(pod.stop)
            return pod

        yield start
