from collections.abc import Iterator

import pytest

from tests.e2e.api_pods.support import Pod, Surroundings


@pytest.fixture(scope="session")
def surroundings() -> Iterator[Surroundings]:
    found = Surroundings()
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="session")
def pod(surroundings: Surroundings) -> Iterator[Pod]:
    """One pod, for all tests that neither stop it nor change what it knows."""
    with surroundings.pod() as pod:
        yield pod.ready()
