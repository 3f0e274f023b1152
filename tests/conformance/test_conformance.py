"""Plays every case."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.conformance import targets
from tests.conformance.cases import CASES
from tests.conformance.scene import Scene, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conformance.steps import Case


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Target]]:
    """The API of a template, started when it is first needed."""
    started: dict[str, Target] = {}
    deployed = targets.deployed()
    with ExitStack() as stack:

        def find(api: str) -> Target:
            if api not in started:
                if deployed and api not in deployed:
                    pytest.skip(f"CONFORMANCE_URLS does not name {api}")
                where = targets.remote(deployed[api]) if deployed else targets.local(api, tmp_path_factory.mktemp(api))
                started[api] = stack.enter_context(where)
            return started[api]

        yield find


# Cases of one API go to one worker of `pytest -n N --dist loadgroup`, so that it is started once.
@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.id, marks=pytest.mark.xdist_group(case.api)) for case in CASES]
)
def test_case(case: Case, target: Callable[[str], Target]) -> None:
    Scene(target(case.api)).play(case.steps)
