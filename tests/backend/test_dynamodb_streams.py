import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from backend.dynamodb_streams import BLOCK, DynamoDBStreams
from backend.ports import UnavailableError
from backend.records import Draft, Message, Position, Replay
from tests.backend.support import (
    HISTORY_MESSAGES,
    HISTORY_SECONDS,
    NOW,
    TABLE,
    Calls,
    failing,
    items,
    streams_on,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

EPOCH = int(NOW * 1000)
GONE = NOW + HISTORY_SECONDS + 1


def draft(number: int = 0, identifier: int | str | None = None, sender: str = "s") -> Draft:
    return Draft(sender, f'{{"n":{number}}}', identifier)


def fill(streams: DynamoDBStreams, count: int, now: float = NOW) -> list[Message]:
    return [streams.append("r", draft(number), now) for number in range(1, count + 1)]


def delete(client: "DynamoDBClient", wanted: Callable[[dict[str, Any]], bool]) -> None:
    for item in items(client):
        if wanted(item):
            client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})


def is_message(item: dict[str, Any]) -> bool:
    return str(item["sk"]["S"]).startswith("message#")


# --- append -----------------------------------------------------------------------------------------------------------


def test_messages_get_the_next_place_one_after_another(streams: DynamoDBStreams) -> None:
    assert [message.position for message in fill(streams, 3)] == [Position(EPOCH, seq) for seq in (1, 2, 3)]
    assert streams.append("other", draft(), NOW).position.seq == 1


def test_a_message_is_one_item_under_its_place(client: "DynamoDBClient", streams: DynamoDBStreams) -> None:
    streams.append("r", Draft("me", '["\\u00e9", 1.50]', 7, "result"), NOW)
    (item,) = filter(is_message, items(client))
    assert item == {
        "pk": {"S": "stream#r"},
        "sk": {"S": f"message#{EPOCH:016d}#{1:019d}"},
        "sender": {"S": "me"},
        "kind": {"S": "result"},
        "data": {"S": '["\\u00e9", 1.50]'},
        "id": {"S": "7"},
        "expiresAt": {"N": str(int(NOW) + HISTORY_SECONDS)},
        "headUntil": {"N": str(int(NOW) + 4 * HISTORY_SECONDS)},
    }


def test_a_steady_stream_costs_a_read_and_a_write_a_message(client: "DynamoDBClient", streams: DynamoDBStreams) -> None:
    fill(streams, 1)
    calls = Calls(client)
    fill(streams, BLOCK)
    assert calls.count("Query") == calls.count("PutItem") == BLOCK
    assert calls.count("UpdateItem") == 1, "the head, once a block"
    assert len(calls) == 2 * BLOCK + 1


def test_an_id_costs_a_write_more(client: "DynamoDBClient", streams: DynamoDBStreams) -> None:
    fill(streams, 1)
    calls = Calls(client)
    streams.append("r", draft(identifier="a"), NOW)
    assert calls == ["Query", "PutItem", "PutItem"]


@pytest.mark.parametrize("identifier", ["a", 1, -(2**63), "1"])
def test_a_retry_finds_its_first_place(streams: DynamoDBStreams, identifier: int | str) -> None:
    fill(streams, 2)
    first = streams.append("r", draft(1, identifier), NOW)
    fill(streams, 3)
    assert streams.append("r", draft(1, identifier), NOW) == first
    assert streams.position("r", NOW).seq == 6


def test_a_retry_is_searched_for_no_further_back_than_its_first_attempt(
    client: "DynamoDBClient", streams: DynamoDBStreams
) -> None:
    fill(streams, 150)
    streams.append("r", draft(identifier="a"), NOW + 100)
    delete(client, lambda item: is_message(item) and "id" in item)  # as if it had never been put
    fill(streams, 120, NOW + 101)
    calls = Calls(client)
    assert streams.append("r", draft(identifier="a"), NOW + 102).position.seq == 271
    assert calls.count("Query") == 3, "the end, and two pages of the 120 since then"


def test_only_sender_id_and_kind_together_make_a_retry(streams: DynamoDBStreams) -> None:
    drafts = [
        draft(identifier="1"),
        draft(identifier=1),
        draft(identifier="1", sender="t"),
        Draft("s", "0", "1", "result"),
    ]
    assert [streams.append("r", one, NOW).position.seq for one in drafts] == [1, 2, 3, 4]
    assert [streams.append("r", one, NOW).position.seq for one in drafts] == [1, 2, 3, 4]
    assert streams.append("q", drafts[0], NOW).position.seq == 1, "another stream"


def test_messages_without_an_id_are_never_retries(streams: DynamoDBStreams) -> None:
    assert [streams.append("r", draft(), NOW).position.seq for _ in range(2)] == [1, 2]


def test_a_retry_of_what_was_written_down_but_not_kept_is_kept(
    streams: DynamoDBStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> bool:
        raise UnavailableError("before the message was kept")

    with monkeypatch.context() as patch:
        patch.setattr(streams, "_put", die)
        with pytest.raises(UnavailableError):
            streams.append("r", draft(identifier="a"), NOW)
    assert streams.append("r", draft(identifier="a"), NOW).position.seq == 1
    assert streams.append("r", draft(identifier="a"), NOW).position.seq == 1


def test_a_write_whose_answer_was_lost_is_not_repeated(
    streams: DynamoDBStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = streams._put

    def put_and_lose(*arguments: Any) -> bool:
        assert put(*arguments)
        raise UnavailableError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(streams, "_put", put_and_lose)
        with pytest.raises(UnavailableError):
            streams.append("r", draft(identifier="a"), NOW)
    fill(streams, 1)
    assert streams.append("r", draft(identifier="a"), NOW).position.seq == 1


def test_who_loses_a_place_takes_the_next(
    client: "DynamoDBClient", streams: DynamoDBStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = streams_on(client)
    newest = streams._newest

    def read_then_fall_behind(stream: str, now: float) -> Any:
        found = newest(stream, now)
        fill(other, 3)
        return found

    monkeypatch.setattr(streams, "_newest", read_then_fall_behind)
    assert streams.append("r", draft(identifier="a"), NOW).position.seq == 4


def test_a_twin_that_was_quicker_is_found_behind_what_was_read(
    client: "DynamoDBClient", streams: DynamoDBStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt has read the end and written its id down; then it sleeps while its retry is kept."""
    other = streams_on(client)
    note = streams._note

    def note_and_sleep(*arguments: Any) -> None:
        assert note(*arguments) is None
        fill(other, 1)
        assert other.append("r", draft(9, "a"), NOW).position.seq == 2
        fill(other, 1)

    monkeypatch.setattr(streams, "_note", note_and_sleep)
    assert streams.append("r", draft(9, "a"), NOW).position.seq == 2
    assert other.position("r", NOW).seq == 3


def test_hosts_at_once_keep_everything_once_without_a_hole(client: "DynamoDBClient") -> None:
    """Each message is sent twice, at any time, by another host."""
    lock = threading.Lock()  # moto locks nothing
    call = client._make_api_call  # type: ignore[attr-defined]

    def one_at_a_time(*arguments: Any) -> Any:
        with lock:
            return call(*arguments)

    client._make_api_call = one_at_a_time  # type: ignore[attr-defined]
    got: dict[str, set[int]] = {}
    failed: list[BaseException] = []
    jobs = [f"m{number}" for number in range(20)] * 2
    random.Random(1).shuffle(jobs)

    def host() -> None:
        streams = streams_on(client)
        try:
            while True:
                with lock:
                    if not jobs:
                        return
                    name = jobs.pop()
                seq = streams.append("r", draft(identifier=name), NOW).position.seq
                with lock:
                    got.setdefault(name, set()).add(seq)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=host) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert all(len(seqs) == 1 for seqs in got.values())
    assert sorted(seq for seqs in got.values() for seq in seqs) == list(range(1, 21))
    assert len(list(filter(is_message, items(client)))) == 20


def test_a_stream_that_others_keep_filling_is_busy_in_the_end(
    streams: DynamoDBStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(streams, "_put", lambda *_: False)
    with pytest.raises(UnavailableError, match="busy"):
        streams.append("r", draft(), NOW)


def test_a_throttled_store_is_unavailable(client: "DynamoDBClient", streams: DynamoDBStreams) -> None:
    with failing(client, "ThrottlingException"):
        with pytest.raises(UnavailableError):
            streams.append("r", draft(), NOW)
        with pytest.raises(UnavailableError):
            streams.position("r", NOW)
        with pytest.raises(UnavailableError):
            streams.replay("r", None, 0, NOW)


# --- expiry -----------------------------------------------------------------------------------------------------------


def test_a_stream_whose_messages_have_all_expired_goes_on_behind_them(streams: DynamoDBStreams) -> None:
    fill(streams, 3)
    assert streams.position("r", GONE) == Position(EPOCH, BLOCK)
    assert streams.append("r", draft(), GONE).position == Position(EPOCH, BLOCK + 1)
    assert streams.append("r", draft(), GONE).position == Position(EPOCH, BLOCK + 2)


@pytest.mark.parametrize("deleted", ["all", "the newest", "none"])
def test_it_makes_no_difference_which_expired_messages_dynamodb_has_deleted(
    client: "DynamoDBClient", streams: DynamoDBStreams, deleted: str
) -> None:
    fill(streams, 3)
    newest = f"#{3:019d}"
    delete(
        client,
        lambda item: (
            is_message(item) and (deleted == "all" or (deleted == "the newest" and item["sk"]["S"].endswith(newest)))
        ),
    )
    assert streams.append("r", draft(), GONE).position == Position(EPOCH, BLOCK + 1)


def test_the_head_outlives_the_messages_by_a_whole_history(client: "DynamoDBClient", streams: DynamoDBStreams) -> None:
    """Whatever the pace: else a stream could begin anew while somebody still appends to the old one."""
    now = NOW
    for pause in (0, 1, HISTORY_SECONDS - 1, HISTORY_SECONDS - 1, HISTORY_SECONDS - 1, 5, HISTORY_SECONDS + 5, 1):
        now += pause
        streams.append("r", draft(), now)
        head = next(item for item in items(client) if item["sk"]["S"] == "head")
        last = max(int(item["expiresAt"]["N"]) for item in items(client) if is_message(item))
        assert int(head["expiresAt"]["N"]) >= last + HISTORY_SECONDS


def test_a_stream_whose_head_has_expired_begins_anew_in_another_epoch(streams: DynamoDBStreams) -> None:
    fill(streams, 3)
    later = NOW + 4 * HISTORY_SECONDS + 1
    assert streams.position("r", later) == Position()
    assert streams.append("r", draft(), later).position == Position(int(later * 1000), 1)
    assert streams.position("r", later) == Position(int(later * 1000), 1)


def test_two_that_begin_a_stream_at_once_begin_one(
    client: "DynamoDBClient", streams: DynamoDBStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = streams_on(client)
    begin = streams._begin

    def late(stream: str, old: Any, now: float) -> Any:
        assert other.append(stream, draft(), now - 0.3).position.seq in {1, BLOCK + 1}
        return begin(stream, old, now)

    monkeypatch.setattr(streams, "_begin", late)
    first = streams.append("r", draft(), NOW).position
    assert first == Position(int((NOW - 0.3) * 1000), 2)
    assert streams.append("r", draft(), GONE).position == Position(first.epoch, BLOCK + 2)


def test_messages_expire_in_order_whatever_the_clocks_of_hosts_say(
    client: "DynamoDBClient", streams: DynamoDBStreams
) -> None:
    for skew in (0, -3, 2, -1):
        streams.append("r", draft(), NOW + skew)
    expiries = [int(item["expiresAt"]["N"]) for item in items(client) if is_message(item)]
    assert expiries == sorted(expiries)


def test_an_id_is_remembered_for_as_long_as_its_message(client: "DynamoDBClient", streams: DynamoDBStreams) -> None:
    first = streams.append("r", draft(identifier="a"), NOW)
    assert streams.append("r", draft(identifier="a"), NOW + HISTORY_SECONDS - 1) == first
    assert streams.append("r", draft(identifier="a"), GONE) != first
    note = next(item for item in items(client) if item["sk"]["S"] == "id")
    assert int(note["expiresAt"]["N"]) > NOW + HISTORY_SECONDS


# --- replay -----------------------------------------------------------------------------------------------------------


def test_a_replay_has_what_was_missed_in_order(streams: DynamoDBStreams) -> None:
    kept = fill(streams, 4)
    assert streams.replay("r", EPOCH, 2, NOW) == Replay(Position(EPOCH, 4), tuple(kept[2:]))
    assert streams.replay("r", None, 2, NOW) == Replay(Position(EPOCH, 4), tuple(kept[2:]))
    assert streams.replay("r", EPOCH, 0, NOW) == Replay(Position(EPOCH, 4), tuple(kept))


def test_who_has_missed_nothing_costs_one_query(client: "DynamoDBClient", streams: DynamoDBStreams) -> None:
    fill(streams, 4)
    calls = Calls(client)
    assert streams.replay("r", EPOCH, 4, NOW) == Replay(Position(EPOCH, 4))
    assert calls == ["Query"]


def test_a_history_has_its_length_and_says_when_that_is_too_short(streams: DynamoDBStreams) -> None:
    kept = fill(streams, HISTORY_MESSAGES + 3)
    assert streams.replay("r", EPOCH, 3, NOW) == Replay(kept[-1].position, tuple(kept[3:]))
    assert streams.replay("r", EPOCH, 2, NOW) == Replay(kept[-1].position, tuple(kept[3:]), recovered=False)


def test_a_history_has_its_age_and_says_when_that_is_too_short(streams: DynamoDBStreams) -> None:
    fill(streams, 2)
    later = streams.append("r", draft(), NOW + 10)
    now = NOW + HISTORY_SECONDS + 5
    assert streams.replay("r", EPOCH, 2, now) == Replay(later.position, (later,))
    assert streams.replay("r", EPOCH, 1, now) == Replay(later.position, (later,), recovered=False)


def test_a_position_in_another_epoch_is_not_taken_for_one_in_this(streams: DynamoDBStreams) -> None:
    kept = fill(streams, 3)
    whole = Replay(Position(EPOCH, 3), tuple(kept), recovered=False)
    assert streams.replay("r", EPOCH - 1, 2, NOW) == whole
    assert streams.replay("r", EPOCH + 1, 2, NOW) == whole


def test_who_was_there_before_the_first_message_has_missed_all_of_them(streams: DynamoDBStreams) -> None:
    before = streams.position("r", NOW)
    assert before == Position(0, 0)
    assert streams.replay("r", before.epoch, before.seq, NOW) == Replay(before)
    kept = fill(streams, 2)
    assert streams.replay("r", before.epoch, before.seq, NOW) == Replay(Position(EPOCH, 2), tuple(kept))


@pytest.mark.parametrize(("epoch", "after"), [(None, 7), (EPOCH, 7), (EPOCH, 2**53)])
def test_a_position_behind_the_end_is_not_recovered(streams: DynamoDBStreams, epoch: int | None, after: int) -> None:
    assert streams.replay("empty", epoch, after, NOW) == Replay(Position(), recovered=False)
    fill(streams, 2)
    assert streams.replay("r", epoch, after, NOW) == Replay(Position(EPOCH, 2), recovered=False)


def test_behind_the_jump_over_what_expired_the_replay_says_so(streams: DynamoDBStreams) -> None:
    fill(streams, 3)
    later = streams.append("r", draft(), GONE)
    assert streams.replay("r", EPOCH, 3, GONE) == Replay(later.position, (later,), recovered=False)


def test_a_long_history_is_read_page_by_page(client: "DynamoDBClient") -> None:
    streams = DynamoDBStreams(client, TABLE, messages=40, seconds=HISTORY_SECONDS)
    big = Draft("s", '"' + "x" * 100_000 + '"')
    kept = [streams.append("r", big, NOW) for _ in range(25)]
    assert streams.replay("r", EPOCH, 0, NOW) == Replay(kept[-1].position, tuple(kept))
