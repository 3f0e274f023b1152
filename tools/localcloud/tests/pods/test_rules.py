"""The kubelet's small rules: variables, back-off, grace, probes' tallies."""

from __future__ import annotations

import pytest

from localcloud.pods import environment
from localcloud.pods.model import Probe, TcpSocket
from localcloud.pods.pod import back_off, grace_left
from localcloud.pods.probes import Tally

FACTS = {"status.podIP": "127.0.0.7", "metadata.name": "abc", "metadata.namespace": "default"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(A)", "x1y1"),
        ("$(NOBODY)", "$(NOBODY)"),
        ("$$(A)", "$(A)"),
        ("$A", "$A"),
        ("100$", "100$"),
        ("$$", "$"),
    ],
)
def test_references_are_replaced_as_kubernetes_does(text: str, expanded: str) -> None:
    assert environment.expand(text, {"A": "1"}) == expanded


def test_a_variable_may_refer_to_those_before_it_and_to_the_pod() -> None:
    given = [("LATE", "$(IP)"), ("IP", f"{environment.FIELD}status.podIP"), ("HOST", "$(IP)"), ("ALL", "::")]
    assert environment.resolve(given, FACTS) == {
        "LATE": "$(IP)",
        "IP": "127.0.0.7",
        "HOST": "127.0.0.7",
        "ALL": "127.0.0.7",
    }


def test_the_loopback_of_a_container_is_its_own_address() -> None:
    code = "get('http://127.0.0.1:8080/'); get('http://localhost/'); '10.127.0.0.15'"
    (found,) = environment.inside([code], "127.0.0.7", {})
    assert found == "get('http://127.0.0.7:8080/'); get('http://127.0.0.7/'); '10.127.0.0.15'"


def test_the_first_restart_is_at_once_and_later_ones_wait_ever_longer() -> None:
    assert [back_off(count) for count in range(1, 9)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert back_off(1000) == 300


def test_the_grace_period_began_before_pre_stop_and_leaves_two_seconds() -> None:
    assert [grace_left(30, elapsed) for elapsed in (0, 20, 29, 31)] == [30, 10, 2, 2]


def test_a_tally_changes_after_as_many_in_a_row_as_it_takes() -> None:
    tally = Tally(Probe(TcpSocket(1), success_threshold=2, failure_threshold=3), passing=False)
    heard = [(tally.add(passed), tally.passing, tally.failed) for passed in (True, False, True, True, *[False] * 3)]
    assert heard == [
        (False, False, False),
        (False, False, False),
        (False, False, False),
        (True, True, False),
        (False, True, False),
        (False, True, False),
        (True, False, True),
    ]
