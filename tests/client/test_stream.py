from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from client.stream import Stream


def placed(epoch: int = 7, seq: int = 0, end: int | None = None) -> Stream[int]:
    stream = Stream[int]()
    assert stream.place(epoch, seq, seq if end is None else end) == ([], False)
    return stream


def test_what_comes_next_is_handed_on_at_once() -> None:
    stream = placed()
    assert [stream.put(7, seq, seq) for seq in (1, 2, 3)] == [[1], [2], [3]]
    assert not stream.has_gap


def test_a_repeat_is_dropped() -> None:
    stream = placed(seq=4)
    assert stream.put(7, 4, 4) == []
    assert stream.put(7, 5, 5) == [5]
    assert stream.put(7, 5, 5) == []


def test_what_comes_early_waits_for_what_is_missing() -> None:
    stream = placed()
    assert stream.put(7, 3, 3) == []
    assert stream.has_gap
    assert stream.put(7, 2, 2) == []
    assert stream.put(7, 1, 1) == [1, 2, 3]
    assert not stream.has_gap


def test_an_end_further_on_is_a_gap_until_it_is_reached() -> None:
    stream = placed(end=2)
    assert stream.has_gap
    assert stream.put(7, 1, 1) == [1]
    assert stream.has_gap
    assert stream.put(7, 2, 2) == [2]
    assert not stream.has_gap


def test_before_the_first_place_everything_waits() -> None:
    stream = Stream[int]()
    assert stream.put(7, 3, 3) == []
    assert stream.put(7, 2, 2) == []
    assert not stream.has_gap
    assert stream.place(7, 2, 2) == ([3], False), "from where the client came in"


def test_a_history_that_is_too_short_is_a_loss_and_what_had_come_early_is_not() -> None:
    stream = placed()
    assert stream.put(7, 3, 3) == []
    assert stream.place(7, 5, 8) == ([3], True)
    assert [stream.put(7, seq, seq) for seq in (6, 7, 8)] == [[6], [7], [8]]


def test_a_place_that_only_skips_what_had_come_early_is_no_loss() -> None:
    stream = placed(seq=1)
    assert stream.put(7, 3, 3) == []
    assert stream.place(7, 1, 3) == ([], False)
    assert stream.put(7, 2, 2) == [2, 3]
    assert stream.place(7, 2, 3) == ([], False), "an answer that comes late"


def test_a_new_epoch_begins_at_its_first_message_and_the_old_ones_is_over() -> None:
    stream = placed(seq=57)
    assert stream.put(8, 2, 82) == []
    assert stream.has_gap
    assert stream.put(8, 1, 81) == [81, 82]
    assert stream.put(7, 58, 58) == []
    assert stream.place(7, 60, 60) == ([], False)


def test_a_new_epoch_that_the_server_tells_of_is_a_loss() -> None:
    assert placed(seq=57).place(8, 0, 0) == ([], True)


def test_a_stream_that_had_not_begun_loses_nothing_by_beginning() -> None:
    assert placed(epoch=0).place(7, 0, 3) == ([], False)
    assert placed(epoch=0).place(7, 2, 3) == ([], True), "unless its history no longer reaches back to that"


@given(st.data())
def test_whatever_the_order_and_however_often_each_message_is_handed_on_once_in_order(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    extra = data.draw(st.lists(st.integers(1, count), max_size=12))
    arrivals = data.draw(st.permutations([*range(1, count + 1), *extra]))
    stream = placed()
    handed_on = [item for seq in arrivals for item in stream.put(7, seq, seq)]
    assert handed_on == list(range(1, count + 1))


Place = tuple[int, int]


def in_order(handed_on: list[Place]) -> bool:
    return all(before < after for before, after in pairwise(handed_on))


@st.composite
def arrivals(draw: st.DrawFn) -> list[Place]:
    """What was sent in up to three epochs, in any order, and some of it more than once."""
    sent = [(epoch, seq) for epoch in (7, 8, 9) for seq in range(1, draw(st.integers(0, 6)) + 1)]
    again = draw(st.lists(st.sampled_from(sent), max_size=6)) if sent else []
    return list(draw(st.permutations([*sent, *again])))


@given(arrivals(), st.data())
def test_wherever_the_first_place_comes_what_is_behind_it_is_handed_on(
    arriving: list[Place], data: st.DataObject
) -> None:
    """The reply to a join may be overtaken by messages, of a later epoch too."""
    stream = Stream[Place]()
    first, end = (
        max((seq for epoch, seq in arriving if epoch == 7), default=0),
        data.draw(st.integers(0, len(arriving))),
    )
    after = data.draw(st.integers(0, first))
    handed_on = [one for place in arriving[:end] for one in stream.put(*place, place)]
    assert handed_on == []
    ready, lost = stream.place(7, after, first)
    assert lost == any(epoch > 7 for epoch, _ in arriving[:end])
    handed_on = ready + [one for place in arriving[end:] for one in stream.put(*place, place)]
    assert in_order(handed_on)
    last = max((epoch for epoch, _ in arriving), default=7)
    behind = {place for place in arriving if place[0] == last and place > (7, after)}
    assert {place for place in handed_on if place[0] == last} == behind, "of the epoch that goes on nothing is missing"
    assert set(handed_on) <= {place for place in arriving if place > (7, after)}
    assert not stream.has_gap


@given(st.lists(st.tuples(st.booleans(), st.integers(6, 9), st.integers(1, 8), st.integers(0, 4)), max_size=30))
def test_whatever_is_said_and_arrives_the_order_is_kept_and_a_gap_is_known(
    steps: list[tuple[bool, int, int, int]],
) -> None:
    stream = Stream[Place]()
    assert stream.place(7, 3, 3) == ([], False)
    handed_on: list[Place] = []
    furthest = (7, 3)
    for arrives, epoch, seq, more in steps:
        if arrives:
            handed_on += stream.put(epoch, seq, (epoch, seq))
            furthest = max(furthest, (epoch, seq))
        else:
            handed_on += stream.place(epoch, seq, seq + more)[0]
            furthest = max(furthest, (epoch, seq + more))
        assert in_order(handed_on)
        assert stream.epoch == furthest[0]
        assert stream.has_gap == (stream.seq < furthest[1])
