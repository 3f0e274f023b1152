"""Where the protocol's tests run: one running variant of the backend each.

A further variant adds its name to VARIANTS: the tests themselves know of sockets and frames alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.pods.fleet import REDIS, Fleet
from tests.processes import running
from tests.protocol.peers import Backend, Peers
from tests.synthesized import synthesized

# Pods that hold the sockets, by how many: two have a bus between them.
FLEETS = {"sockets": 1, "sockets-two-pods": 2}
VARIANTS = ("lambda", "eks", "ecs", *FLEETS)

# Small caps, so that tests reach them. The rest is the app as anybody deploys it.
OPTIONS = {"max_rooms": 4, "max_members": 3, "history_messages": 40, "message_rate": 0}


@pytest.fixture(scope="session", params=VARIANTS)
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    if request.param in FLEETS:
        with Fleet(FLEETS[request.param], redis=REDIS is not None, drain_seconds=0, **OPTIONS) as fleet:
            yield fleet
        return
    folder: Path = tmp_path_factory.mktemp(f"protocol-{request.param}")
    assembly = synthesized(folder, backends=request.param, **OPTIONS)
    with running(folder, "--assembly", str(assembly), "--backends", request.param) as cloud:
        yield cloud


@pytest.fixture
def peers(cloud: Backend) -> Iterator[Peers]:
    with closing(Peers(cloud.url)) as peers:
        yield peers
