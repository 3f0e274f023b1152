"""Plays every case."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from . import targets
from .cases import CASES
from .scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .steps import Case
    from .target import Target


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Target]]:
    """An API by its name; what it is in is started when it is first needed."""
    found: dict[str, Target] = {}
    deployed = targets.deployed()
    with ExitStack() as stack:

        def find(api: str) -> Target:
            if api not in found and not deployed:
                run = targets.run_of(api)
                found.update(stack.enter_context(targets.local(run, tmp_path_factory.mktemp(run.apis[0]))))
            elif api not in found:
                if api not in deployed:
                    pytest.skip(f"CONFORMANCE_URLS does not name {api}")
                found[api] = stack.enter_context(targets.remote(deployed[api]))
            return found[api]

        yield find


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case, target: Callable[[str], Target]) -> None:
    Scene(target(case.api)).play(case.steps)
