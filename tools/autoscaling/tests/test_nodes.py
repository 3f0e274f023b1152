"""Pods wait for nodes, and empty nodes go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoscaling.nodes import NodePool, Nodes


def pool(per_node: int = 4, start: float = 50, consolidate: float = 0) -> NodePool:
    return NodePool(pods_per_node=per_node, start_seconds=start, consolidate_after_seconds=consolidate)


def test_free_room_is_used_before_a_node_is_started() -> None:
    nodes = Nodes(pool(), pods=6)
    assert nodes.add(10, 5) == [(10, 2), (60.0, 3)]
    assert nodes.count == 3


def test_later_pods_join_a_node_that_is_still_starting() -> None:
    nodes = Nodes(pool())
    nodes.add(0, 1)
    assert nodes.add(20, 4) == [(50.0, 3), (70.0, 1)]
    assert nodes.add(60, 1) == [(70.0, 1)]
    assert nodes.add(80, 1) == [(80, 1)]


def test_an_empty_node_goes_after_its_time() -> None:
    nodes = Nodes(pool(consolidate=300), pods=8)
    nodes.remove(100, 4)
    nodes.advance(399)
    assert nodes.count == 2
    nodes.advance(400)
    assert nodes.count == 1
    assert nodes.node_seconds == 2 * 400


def test_a_node_that_is_used_again_stays() -> None:
    nodes = Nodes(pool(consolidate=300), pods=12)
    nodes.remove(0, 8)
    assert nodes.add(200, 1) == [(200, 1)]
    nodes.advance(1000)
    assert nodes.count == 2
    assert nodes.node_seconds == 3 * 300 + 2 * 700


def test_by_default_an_empty_node_goes_at_once() -> None:
    nodes = Nodes(pool(), pods=8)
    nodes.remove(100, 4)
    assert nodes.count == 1


@given(st.integers(1, 5), st.sampled_from([0, 30, 100]), st.lists(st.integers(-20, 20), max_size=40))
def test_there_are_always_enough_nodes_and_each_pod_is_placed_once(
    per_node: int, consolidate: float, changes: list[int]
) -> None:
    nodes = Nodes(pool(per_node, 50, consolidate))
    pods = 0
    for index, change in enumerate(changes):
        now = index * 15.0
        if change > 0:
            placed = nodes.add(now, change)
            assert sum(count for _, count in placed) == change
            assert all(now <= at <= now + 50 for at, _ in placed)
        else:
            nodes.remove(now, min(-change, pods))
        pods = max(pods + change, 0)
        assert nodes.pods == pods
        assert nodes.count * per_node >= pods
    nodes.advance(len(changes) * 15.0 + consolidate)
    assert nodes.count == -(-pods // per_node)
