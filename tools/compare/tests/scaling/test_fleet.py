"""Who holds the sockets: least connections, equal shares of what leaves, and the emptiest pods go first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoscaling.nodes import NodePool
from compare.scaling.fleet import Fleet, SocketFleet


def sockets(replicas: int = 3, capacity: int = 100, start: float = 0, pool: NodePool | None = None) -> SocketFleet:
    return SocketFleet(replicas, capacity, start, pool)


def test_arrivals_level_the_pods_from_below() -> None:
    fleet = sockets(3)
    assert fleet.accept(91) == 91
    assert fleet.loads() == [(30, 2), (31, 1)]
    fleet.add(0, 2)
    fleet.accept(50)
    assert fleet.loads() == [(25, 2), (30, 2), (31, 1)]
    fleet.accept(12)
    assert fleet.loads() == [(30, 2), (31, 3)]


def test_new_pods_get_no_existing_sockets() -> None:
    fleet = sockets(1)
    fleet.accept(80)
    fleet.add(0, 1)
    assert fleet.loads() == [(0, 1), (80, 1)]


def test_arrivals_beyond_the_room_are_not_accepted() -> None:
    fleet = sockets(3)
    assert fleet.accept(1000) == 300
    assert fleet.accept(1) == 0
    assert fleet.loads() == [(100, 3)]


def test_what_leaves_leaves_every_pod_in_proportion() -> None:
    fleet = sockets(1)
    fleet.accept(80)
    fleet.add(0, 1)
    fleet.accept(40)
    fleet.leave(60)
    assert fleet.loads() == [(20, 1), (40, 1)]


def test_scaling_in_takes_unready_pods_then_the_emptiest() -> None:
    fleet = sockets(2, start=30)
    fleet.accept(100)
    fleet.add(0, 1)
    assert fleet.replicas == 3
    assert fleet.remove(5, 1) == 0
    fleet.add(10, 1)
    fleet.promote(40)
    fleet.accept(7)
    assert fleet.remove(50, 1) == 7
    assert fleet.loads() == [(50, 2)]


def test_a_pod_is_ready_when_its_node_is_there_and_it_has_started() -> None:
    fleet = sockets(2, start=10, pool=NodePool(pods_per_node=2, start_seconds=50))
    fleet.add(100, 3)
    fleet.promote(159)
    assert (fleet.replicas, fleet.ready) == (5, 2)
    fleet.promote(160)
    assert fleet.ready == 5
    fleet.remove(200, 1)
    fleet.add(210, 1)
    fleet.promote(220)
    assert fleet.ready == 4  # by default the empty node was gone at once
    fleet.promote(270)
    assert fleet.ready == 5


def test_sockets_at_a_gateway_belong_to_no_pod() -> None:
    fleet = Fleet(3, 100, 0, None)
    assert fleet.accept(250) == 250
    assert fleet.remove(0, 1) == 0
    assert fleet.held == 250
    assert fleet.accept(10) == 0
    fleet.leave(100)
    assert fleet.accept(100) == 50


steps = st.lists(st.tuples(st.sampled_from(["accept", "leave", "add", "remove"]), st.integers(0, 400)), max_size=60)


@given(steps)
def test_no_socket_is_lost_and_no_pod_is_overfull(changes: list[tuple[str, int]]) -> None:
    fleet = sockets(2)
    held = 0
    for action, amount in changes:
        match action:
            case "accept":
                held += fleet.accept(amount)
            case "leave":
                part = min(amount, held)
                fleet.leave(part)
                held -= part
            case "add":
                fleet.add(0, 1 + amount % 4)
            case "remove":
                held -= fleet.remove(0, min(amount % 4, fleet.replicas))
        loads = fleet.loads()
        assert fleet.held == held == sum(load * pods for load, pods in loads)
        assert fleet.ready == sum(pods for _, pods in loads)
        assert all(0 <= load <= 100 and pods > 0 for load, pods in loads)
        assert loads == sorted(loads)
        assert len({load for load, _ in loads}) == len(loads)
