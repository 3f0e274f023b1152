"""Who a target group sends requests to."""

from __future__ import annotations

from localcloud.pods.model import TargetGroup
from localcloud.pods.settings import PodSettings
from localcloud.pods.targets import Address, Targets

ONE, OTHER = ("127.0.0.2", 8080), ("127.0.0.3", 8080)


def targets(*healthy: Address, stragglers: float = 60) -> Targets:
    group = TargetGroup("arn", healthy_threshold=2, unhealthy_threshold=3, deregistration_delay=30)
    found = Targets(group, PodSettings(straggler_seconds=stragglers))
    for address in healthy:
        found.register(address, 0)
        found.checked(address, True)
    return found


def picked(found: Targets, now: float) -> set[Address | None]:
    return {found.pick(now) for _ in range(100)}


def test_a_group_without_targets_leads_nowhere() -> None:
    assert targets().pick(0) is None


def test_a_new_target_gets_requests_once_a_check_has_passed() -> None:
    found = targets()
    found.register(ONE, 0)
    assert (found.state(ONE), picked(found, 0)) == ("initial", {None})
    found.checked(ONE, False)
    assert picked(found, 0) == {None}
    found.checked(ONE, True)
    assert (found.state(ONE), picked(found, 0)) == ("healthy", {ONE})


def test_requests_are_spread() -> None:
    assert picked(targets(ONE, OTHER), 0) == {ONE, OTHER}


def test_a_target_is_unhealthy_after_its_threshold_and_back_after_the_other() -> None:
    found = targets(ONE, OTHER)
    for passed in (False, False, True, False, False):
        found.checked(ONE, passed)
    assert found.state(ONE) == "healthy"
    found.checked(ONE, False)
    assert (found.state(ONE), picked(found, 0)) == ("unhealthy", {OTHER})
    found.checked(ONE, True)
    assert found.state(ONE) == "unhealthy"
    found.checked(ONE, True)
    assert found.state(ONE) == "healthy"


def test_when_none_is_healthy_all_get_requests() -> None:
    found = targets(ONE, OTHER)
    for address in (ONE, OTHER) * 3:
        found.checked(address, False)
    assert picked(found, 0) == {ONE, OTHER}


def test_a_deregistered_target_gets_requests_for_a_while() -> None:
    found = targets(ONE, OTHER)
    found.deregister(ONE, 10)
    assert found.state(ONE) == "draining"
    assert picked(found, 69) == {ONE, OTHER}
    assert picked(found, 70) == {OTHER}
    assert found.state(ONE) == "unused"


def test_without_stragglers_it_gets_none_and_drains_all_the_same() -> None:
    found = targets(ONE, OTHER, stragglers=0)
    found.deregister(ONE, 10)
    assert picked(found, 10) == {OTHER}
    assert found.state(ONE) == "draining"
    found.pick(40)
    assert found.state(ONE) == "unused"


def test_checks_of_a_draining_target_count_no_more_and_it_can_come_back() -> None:
    found = targets(ONE, stragglers=0)
    found.deregister(ONE, 10)
    found.checked(ONE, True)
    assert found.state(ONE) == "draining"
    found.register(ONE, 20)
    assert found.state(ONE) == "initial"


def test_who_fails_a_connection_gets_no_more_until_a_check_passes() -> None:
    found = targets(ONE, OTHER)
    found.failed(ONE)
    assert picked(found, 0) == {OTHER}
    found.checked(ONE, True)
    assert picked(found, 0) == {ONE, OTHER}


def test_who_fails_one_while_draining_gets_no_more_at_all() -> None:
    found = targets(ONE, OTHER)
    found.failed(ONE)
    found.deregister(ONE, 10)
    assert picked(found, 11) == {OTHER}
