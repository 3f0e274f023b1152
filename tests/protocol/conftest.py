"""Where the protocol's tests run: one running variant of the backend each.

A further variant adds its name to VARIANTS: the tests themselves know of sockets and frames alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from localcloud.testing import running
from tests.e2e.fleets import connected
from tests.e2e.socket_pods.fleet import Fleet
from tests.protocol.peers import Backend, Peers
from tests.synthesized import synthesized_once

VARIANTS = ("lambda", "eks", "sockets", "ecs", "one-pod")

# Small caps, so that tests reach them. The rest is the app as anybody deploys it.
OPTIONS = {"max_rooms": 4, "max_members": 3, "history_messages": 40, "message_rate": 0}


@pytest.fixture(scope="session", params=VARIANTS)
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    if request.param == "one-pod":  # which holds the sockets, and needs no bus
        with Fleet(1, redis=False, drain_seconds=0, **OPTIONS) as fleet:
            yield fleet
        return
    folder: Path = tmp_path_factory.mktemp(f"protocol-{request.param}")
    # Two pods that hold sockets have a bus between them.
    assembly = synthesized_once(tmp_path_factory, backends="all", sockets_min_replicas=2, **OPTIONS)
    with running(folder, "--assembly", str(assembly), "--backends", request.param) as cloud:
        if request.param == "sockets":
            connected(folder, 2)
        yield cloud


@pytest.fixture
def peers(cloud: Backend) -> Iterator[Peers]:
    with closing(Peers(cloud.url)) as peers:
        yield peers
