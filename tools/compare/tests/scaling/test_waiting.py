"""Clients on their way back."""

from __future__ import annotations

from compare.scaling.scenario import Reconnect
from compare.scaling.waiting import WaitingRoom


def arrivals(room: WaitingRoom, ticks: range) -> list[int]:
    return [sum(room.due(tick).values()) for tick in ticks]


def test_cut_clients_come_back_evenly_within_the_jitter() -> None:
    room = WaitingRoom(Reconnect(jitter_seconds=60), period=15)
    room.cut(10, 10)
    assert room.count == 10
    assert arrivals(room, range(11, 17)) == [3, 3, 2, 2, 0, 0]
    assert room.count == 0


def test_refused_clients_wait_twice_as_long_each_time_up_to_the_cap() -> None:
    room = WaitingRoom(Reconnect(backoff_base_seconds=15, backoff_cap_seconds=60), period=15)
    for attempt, ticks in ((0, 1), (1, 2), (2, 4), (3, 4)):
        room.refused(0, 100, attempt)
        counts = arrivals(room, range(1, 10))
        assert counts == [100 // ticks] * ticks + [0] * (9 - ticks)


def test_an_attempt_is_counted_once_more_when_it_comes_again() -> None:
    room = WaitingRoom(Reconnect(backoff_base_seconds=1), period=15)
    room.refused(0, 5, 0)
    room.cut(0, 1)
    assert room.due(1) == {1: 5, 0: 1}


def test_who_gives_up_was_due_last() -> None:
    room = WaitingRoom(Reconnect(jitter_seconds=45), period=15)
    room.cut(0, 9)
    room.give_up(4)
    assert room.count == 5
    assert arrivals(room, range(1, 5)) == [3, 2, 0, 0]
