import copy
import json
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.core import FRAME_BYTES, MESSAGE_BYTES, PASSING, Core, Times, fragments
from client.errors import RefusedError
from client.events import Answered, Lost, Message, Result, Resumed, TakenOver, Unanswered

TIMES = Times()
EPOCH = 7


def sent(core: Core) -> list[dict[str, Any]]:
    """What is to be sent; a session is asked for under another id each time, which is `session` here."""
    frames = [json.loads(text) for text in core.outbox]
    core.outbox.clear()
    return [frame | ({"id": "session"} if frame["action"] == "session" else {}) for frame in frames]


def get(core: Core, now: float = 0.0, /, **frame: Any) -> list[Any]:
    if frame.get("id") == "session":
        frame["id"] = core._asking
    return list(core.received(json.dumps(frame), now))


def session(core: Core, now: float = 0.0, *, resumed: bool = False, after: int = 0, end: int = 0) -> list[Any]:
    return get(
        core,
        now,
        type="session",
        id="session",
        sessionId="s",
        resumeToken="t2" if resumed else "t1",
        resumed=resumed,
        inbox={"epoch": EPOCH, "seq": end},
        **({"after": after} if resumed else {}),
    )


def message(core: Core, seq: int, room: str | None = "r", epoch: int = EPOCH, now: float = 0.0) -> list[int]:
    """The seqs that are handed on."""
    frame: dict[str, Any] = {"type": "message", "epoch": epoch, "seq": seq, "from": "x", "data": seq}
    events = get(core, now, **frame, **({"room": room} if room else {}))
    assert all(isinstance(event, Message) for event in events)
    return [event.seq for event in events]


def joined(core: Core, *, seq: int = 0, now: float = 0.0, **more: Any) -> list[Any]:
    return get(core, now, type="joined", room="r", epoch=EPOCH, seq=seq, recovered=True, **more)


@pytest.fixture
def core() -> Core:
    """Connected, with a session, and a member of `r`."""
    core = Core(TIMES, random.Random(1))
    core.connected(0)
    assert sent(core) == [{"action": "session", "id": "session"}]
    assert session(core) == [Resumed("s", fresh=True)]
    identifier = core.request("join", 0, room="r")
    assert sent(core) == [{"action": "join", "id": identifier, "room": "r"}]
    assert [type(event) for event in joined(core, id=identifier)] == [Answered]
    return core


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_request_is_answered_once(core: Core) -> None:
    identifier = core.request("publish", 0, room="r", data=1)
    accepted: dict[str, Any] = {"type": "accepted", "id": identifier, "room": "r", "seq": 1}
    assert get(core, **accepted) == [Answered(identifier, accepted)]
    assert get(core, **accepted) == []


def test_a_request_without_an_answer_is_sent_again_with_its_id(core: Core) -> None:
    core.request("publish", 0, room="r", data=1)
    (first,) = sent(core)
    core.tick(TIMES.retry - 1)
    assert sent(core) == []
    core.tick(TIMES.retry)
    assert sent(core) == [first]


@pytest.mark.parametrize("code", sorted(PASSING))
def test_after_an_error_that_passes_a_request_is_sent_again_soon(core: Core, code: str) -> None:
    identifier = core.request("publish", 0, room="r", data=1)
    (first,) = sent(core)
    assert get(core, type="error", code=code, message="", id=identifier) == []
    core.tick(0.01)
    assert sent(core) == []
    core.tick(1)
    assert sent(core) == [first]


def test_an_error_that_stays_is_the_answer(core: Core) -> None:
    identifier = core.request("send", 0, to="nobody", data=1)
    error: dict[str, Any] = {"type": "error", "code": "no-session", "message": "", "id": identifier}
    assert get(core, **error) == [Answered(identifier, error)]


def test_requests_wait_for_a_session(core: Core) -> None:
    core.disconnected(1)
    core.request("publish", 1, room="r", data=1)
    assert sent(core) == []
    core.connected(2)
    assert [frame["action"] for frame in sent(core)] == ["session"]
    session(core, 2, resumed=True)
    assert [frame["action"] for frame in sent(core)] == ["join", "publish"]


def test_frames_that_are_none_of_the_protocol_are_left_aside(core: Core) -> None:
    for text in ("", "hello", "[1]", "5", '{"message": "Internal server error", "connectionId": "x"}', '{"type":[]}'):
        assert core.received(text, 0) == []


# --- what is large ----------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50), st.integers(1, 40_000))
def test_a_message_is_cut_into_frames_of_whole_characters(text: str, count: int) -> None:
    text *= count // len(text) + 1
    frames = fragments(text)
    assert "".join(frame.decode() for frame in frames) == text
    assert max(map(len, frames)) <= FRAME_BYTES
    assert all(len(frame) > FRAME_BYTES - 4 for frame in frames[:-1])
    assert frames[-1]


def test_what_is_larger_than_a_message_is_never_sent(core: Core) -> None:
    with pytest.raises(RefusedError, match="too-large"):
        core.request("publish", 0, room="r", data="é" * (MESSAGE_BYTES // 2))
    core.request("publish", 0, room="r", data="é" * (MESSAGE_BYTES // 2 - 50))
    assert [len(frame["data"]) for frame in sent(core)] == [MESSAGE_BYTES // 2 - 50]


def test_half_a_surrogate_pair_can_be_sent(core: Core) -> None:
    core.request("publish", 0, room="r", data="é\ud800")
    assert "".join(core.outbox).isascii()
    assert [frame["data"] for frame in sent(core)] == ["é\ud800"]


def test_an_id_that_waits_for_its_answer_is_not_asked_under_again(core: Core) -> None:
    identifier = core.request("publish", 0, room="r", data=1)
    with pytest.raises(ValueError, match=identifier):
        core.request("publish", 0, identifier, room="r", data=2)
    core.forget(identifier)
    assert core.request("publish", 0, identifier, room="r", data=1) == identifier


@pytest.mark.parametrize("code", [1008, 1009])
def test_what_a_server_may_have_closed_a_connection_for_is_not_sent_again(core: Core, code: int) -> None:
    large = [core.request("publish", 0, room="r", data="x" * FRAME_BYTES) for _ in range(2)]
    small = [core.request("publish", 0, room="r", data=number) for number in range(2)]
    sent(core)
    core.request("publish", 0, room="r", data="too late, and " + "x" * FRAME_BYTES)
    assert [event.id for event in core.closed(code) if isinstance(event, Unanswered)] == large
    core.disconnected(1)
    core.connected(2)
    session(core, 2, resumed=True)
    assert [len(str(frame["data"])) > 1 for frame in sent(core) if frame["action"] == "publish"] == [False, False, True]
    get(core, 2, type="accepted", id=next(reversed(core._requests)))
    core.tick(2 + TIMES.retry)
    get(core, 2 + TIMES.retry, type="error", code="rate", message="", id=small[0])
    sent(core)
    core.tick(core.due)
    assert [frame["id"] for frame in sent(core)] == [small[0]], "the last that was sent"
    assert [event.id for event in core.closed(code) if isinstance(event, Unanswered)] == [small[0]]
    core.disconnected(20)
    core.connected(20)
    assert core.closed(code) == [], "nothing has been asked on this connection"
    session(core, 20, resumed=True)
    assert [frame["id"] for frame in sent(core) if frame["action"] == "publish"] == [small[1]]


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011])
def test_after_another_close_everything_is_sent_again(core: Core, code: int) -> None:
    core.request("publish", 0, room="r", data="x" * FRAME_BYTES)
    first = sent(core)
    assert core.closed(code) == []
    core.disconnected(1)
    core.connected(2)
    session(core, 2, resumed=True)
    assert sent(core)[-1:] == first


# --- order, repeats and gaps ------------------------------------------------------------------------------------------


def test_each_message_is_handed_on_once_and_in_order(core: Core) -> None:
    assert message(core, 1) == [1]
    assert message(core, 1) == []
    assert message(core, 3) == []
    assert message(core, 2) == [2, 3]


def test_a_gap_that_stays_is_asked_about_and_asked_again_only_later(core: Core) -> None:
    message(core, 1, now=1)
    message(core, 3, now=1)
    core.tick(1 + TIMES.gap / 2)
    assert sent(core) == [], "frames overtake one another"
    core.tick(1 + TIMES.gap)
    ask = {"action": "join", "room": "r", "epoch": EPOCH, "after": 1}
    assert sent(core) == [ask]
    core.tick(2 + TIMES.gap)
    assert sent(core) == []
    core.tick(1 + 2 * TIMES.gap + TIMES.retry)
    assert sent(core) == [ask]
    assert joined(core, seq=3, after=1, now=13) == []
    assert message(core, 2, now=13) == [2, 3]
    core.tick(60)
    assert sent(core) == []


DELAYS = st.sampled_from([0.0, 0.05, 0.3, 0.7, 3.0])


@given(st.lists(st.lists(DELAYS, max_size=2), max_size=6), DELAYS, st.data())
def test_what_is_lost_late_or_doubled_on_the_wire_is_handed_on_once_in_order_and_soon(
    arrivals: list[list[float]], last: float, data: st.DataObject
) -> None:
    """Each message arrives never, once or twice; the last one surely does. The server has a history of all."""
    core = Core(TIMES, random.Random(1))
    core.connected(0)
    session(core)
    core.request("join", 0, room="r")
    joined(core, id=next(iter(core._requests)))
    sent(core)
    arrivals = [*arrivals, [last]]
    coming = [(time, seq) for seq, times in enumerate(arrivals, 1) for time in times]
    handed_on: list[int] = []
    first_gap, now = math.inf, 0.0
    while coming or core._rooms["r"].stream.has_gap:
        time, seq = min(coming, default=(math.inf, 0))
        if core.due < time:
            now = core.due
            assert core.tick(now)
            for ask in (frame for frame in sent(core) if frame["action"] == "join"):
                assert now >= first_gap + TIMES.gap
                assert ask["after"] == len(handed_on)
                joined(core, seq=len(arrivals), after=ask["after"], now=now)
                missing = range(ask["after"] + 1, len(arrivals) + 1)
                coming += [(now + data.draw(DELAYS), seq) for seq in missing]
        else:
            now = time
            coming.remove((time, seq))
            handed_on += message(core, seq, now=now)
            if core._rooms["r"].stream.has_gap:
                first_gap = min(first_gap, now)
    assert handed_on == list(range(1, len(arrivals) + 1))
    assert now <= 3 + TIMES.gap + 3


def test_a_late_frame_is_no_repeat_and_a_twin_of_one_that_waits_is(core: Core) -> None:
    assert message(core, 2) == []
    assert message(core, 2) == []
    assert message(core, 3) == []
    assert message(core, 1, now=TIMES.gap / 2) == [1, 2, 3]
    core.tick(TIMES.gap)
    assert message(core, 2) == []
    assert [frame for frame in sent(core) if frame["action"] == "join"] == []


@pytest.mark.parametrize("overtaken", [False, True])
def test_a_loss_at_the_end_of_an_epoch_is_told_whichever_frame_comes_first(core: Core, *, overtaken: bool) -> None:
    """Who comes back when a stream has begun anew cannot know what its former epoch had in the end."""
    message(core, 1)
    core.disconnected(5)
    core.connected(6)
    session(core, 6, resumed=True)
    frames: list[dict[str, Any]] = [
        {"type": "joined", "room": "r", "epoch": EPOCH + 1, "seq": 1, "after": 0, "recovered": False},
        {"type": "message", "room": "r", "epoch": EPOCH + 1, "seq": 1, "from": "x", "data": 1},
    ]
    events = [event for frame in (reversed(frames) if overtaken else frames) for event in get(core, 6, **frame)]
    assert events == [Lost("r", EPOCH + 1, 0), Message("r", EPOCH + 1, 1, "x", 1)]


def test_a_gap_in_the_inbox_is_asked_about_with_the_sessions_own_token(core: Core) -> None:
    message(core, 2, room=None)
    core.tick(TIMES.gap)
    assert sent(core) == [{"action": "session", "id": "session", "resume": "t1", "epoch": EPOCH, "after": 0}]
    assert session(core, 1, resumed=True, end=2) == []
    assert message(core, 1, room=None) == [1, 2]


def test_what_the_history_no_longer_has_is_a_loss_that_is_told(core: Core) -> None:
    message(core, 1)
    assert joined(core, seq=9, after=7) == [Lost("r", EPOCH, 7)]
    assert message(core, 8) == [8]


def test_a_result_comes_through_the_inbox_once(core: Core) -> None:
    frame: dict[str, Any] = {"type": "result", "id": "w", "epoch": EPOCH, "seq": 1, "data": 5}
    assert get(core, **frame) == [Result("w", EPOCH, 1, 5)]
    assert get(core, **frame) == []


def test_messages_of_a_room_that_was_left_are_dropped(core: Core) -> None:
    core.request("leave", 0, room="r")
    assert message(core, 1) == []


# --- connections ------------------------------------------------------------------------------------------------------


def test_a_new_connection_resumes_and_asks_every_room_for_what_was_missed(core: Core) -> None:
    message(core, 1)
    message(core, 1, room=None)
    core.request("publish", 0, room="r", data=1)
    (publish,) = sent(core)
    core.disconnected(5)
    core.connected(6)
    assert sent(core) == [{"action": "session", "id": "session", "resume": "t1", "epoch": EPOCH, "after": 1}]
    assert session(core, 6, resumed=True, after=1, end=2) == [Resumed("s", fresh=False)]
    assert sent(core) == [{"action": "join", "room": "r", "epoch": EPOCH, "after": 1}, publish]
    assert message(core, 2, room=None) == [2]
    core.disconnected(7)
    core.connected(8)
    assert sent(core)[0]["resume"] == "t2", "tokens rotate"


def test_an_expired_session_is_begun_anew_and_what_may_have_been_done_is_not_done_again(core: Core) -> None:
    publish = core.request("publish", 0, room="r", data=1)
    core.disconnected(5)
    core.connected(6)
    sent(core)
    (answer,) = get(core, 6, type="error", code="invalid-token", message="", id="session")
    assert (answer.id, answer.reply["code"]) == (publish, "session-expired")
    assert sent(core) == [{"action": "session", "id": "session"}]
    assert session(core, 6) == [Resumed("s", fresh=True)]
    assert sent(core) == [{"action": "join", "room": "r", "epoch": EPOCH, "after": 0}]


def test_before_a_session_counts_as_expired_the_tokens_before_the_last_are_tried(core: Core) -> None:
    core.disconnected(5)
    core.connected(6)
    session(core, 6, resumed=True)
    core.disconnected(7)
    core.connected(8)
    sent(core)
    for token in ("t1", None):
        assert get(core, 8, type="error", code="invalid-token", message="", id="session") == []
        (ask,) = sent(core)
        assert ask.get("resume") == token
    assert session(core, 8) == [Resumed("s", fresh=True)]


def test_of_two_refusals_of_one_token_the_second_counts_for_nothing(core: Core) -> None:
    core.disconnected(5)
    core.connected(6)
    session(core, 6, resumed=True)
    core.disconnected(7)
    core.connected(8)
    first = core._asking
    core.tick(8 + TIMES.retry)
    sent(core)
    get(core, 20, type="error", code="invalid-token", message="", id="session")
    get(core, 20, type="error", code="invalid-token", message="", id=first)
    assert [frame.get("resume") for frame in sent(core)] == ["t1"]


def test_an_old_refusal_does_not_end_a_session(core: Core) -> None:
    assert get(core, type="error", code="invalid-token", message="", id="session") == []
    assert sent(core) == []


def test_a_refused_token_does_not_keep_a_gap_open(core: Core) -> None:
    """Two replies that overtook one another: the newest token is not the one that holds."""
    session(core, resumed=True)
    message(core, 2, room=None)
    core.tick(0)
    core.tick(TIMES.gap)
    assert [frame.get("resume") for frame in sent(core)] == ["t2"]
    assert get(core, 1, type="error", code="invalid-token", message="", id="session") == []
    assert [frame.get("resume") for frame in sent(core)] == ["t1"]
    session(core, 1, resumed=True, end=2)
    assert message(core, 1, room=None) == [1, 2]


def test_who_holds_the_session_and_has_no_token_left_gets_a_new_one(core: Core) -> None:
    message(core, 2, room=None)
    core.tick(0)
    core.tick(TIMES.gap)
    sent(core)
    get(core, 1, type="error", code="invalid-token", message="", id="session")
    assert sent(core) == [{"action": "session", "id": "session"}]
    assert session(core, 1, end=2) == [], "the same session, of which nothing is lost"
    core.tick(1 + TIMES.retry + TIMES.gap)
    (ask,) = [frame for frame in sent(core) if frame["action"] == "session"]
    assert (ask["resume"], ask["after"]) == ("t1", 0)


def test_a_session_that_is_refused_for_now_is_asked_for_again() -> None:
    core = Core(TIMES, random.Random(1))
    core.connected(0)
    first = sent(core)
    get(core, type="error", code="unavailable", message="", id="session")
    assert core.due <= 1
    core.tick(core.due)
    assert sent(core) == first
    core.tick(1 + TIMES.retry)
    assert sent(core) == first, "and so it is when no answer comes"


def test_to_be_taken_over_is_final(core: Core) -> None:
    assert get(core, type="taken-over", sessionId="s") == [TakenOver()]
    assert core.over


def test_a_connection_that_was_taken_for_gone_is_exchanged(core: Core) -> None:
    assert core.tick(1)
    get(core, 1, type="error", code="released", message="", id="x")
    assert core.due == 1
    assert not core.tick(1)


def test_reconnects_wait_with_full_jitter_and_ever_longer() -> None:
    core = Core(TIMES, random.Random(1))
    for attempt in range(20):
        longest = min(TIMES.longest_wait, TIMES.first_wait * 2**attempt)
        assert 0 <= core.disconnected(attempt) <= longest
    waits = [core.disconnected(0) for _ in range(200)]
    assert min(waits) < 0.1 * TIMES.longest_wait
    assert max(waits) > 0.9 * TIMES.longest_wait


def test_a_session_that_lasts_ends_the_growth_of_the_waits_a_mere_connection_does_not(core: Core) -> None:
    for _ in range(10):
        core.disconnected(0)
        core.connected(0)
    assert max(core.disconnected(0) for _ in range(3)) > TIMES.first_wait
    core.connected(0)
    session(core, resumed=True)
    assert core.disconnected(TIMES.proven) <= TIMES.first_wait


def test_a_connection_that_ends_right_after_each_resume_does_not_make_a_busy_loop(core: Core) -> None:
    now, connections = 0.0, 0
    while now < 600:
        core.connected(now)
        session(core, now, resumed=True)
        joined(core, now=now)
        now += 0.05 + core.disconnected(now + 0.05)
        connections += 1
    assert connections < 60


def test_silence_is_broken_before_the_gateway_closes_the_connection(core: Core) -> None:
    assert TIMES.keep_alive < 600
    sent(core)
    core.tick(TIMES.keep_alive - 1)
    assert sent(core) == []
    core.tick(TIMES.keep_alive)
    assert sent(core) == [{"action": "ping"}]


def test_a_connection_that_answers_nothing_is_given_up(core: Core) -> None:
    core.tick(TIMES.keep_alive)
    assert core.tick(TIMES.keep_alive + TIMES.dead - 1)
    get(core, TIMES.keep_alive + TIMES.dead - 1, type="pong")
    assert core.tick(TIMES.keep_alive + TIMES.dead + 1)
    core.request("publish", 300, room="r", data=1)
    assert not core.tick(300 + TIMES.dead)


def test_a_connection_is_exchanged_before_the_gateway_closes_it() -> None:
    ages = []
    for seed in range(50):
        core = Core(Times(dead=10**9), random.Random(seed))
        core.connected(0)
        ages.append(next(age for age in range(0, 7200, 10) if not core.tick(age)))
    assert 4800 < min(ages) < max(ages) < 7200 - 600
    assert len(set(ages)) > 20, "not all at once"


# --- when something is due ------------------------------------------------------------------------------------------


#: What may happen to a client at any time ...
ASKED: dict[str, Callable[[Core, float], object]] = {
    "connected": lambda core, now: core.connected(now),
    "disconnected": lambda core, now: core.disconnected(now),
    "closed": lambda core, _now: core.closed(1009),
    "tick": lambda core, now: core.tick(now),
    "join": lambda core, now: core.request("join", now, room="r"),
    "publish": lambda core, now: core.request("publish", now, room="r", data=1),
    "leave": lambda core, now: core.request("leave", now, room="r"),
}
#: ... and what arrives on its connection; `last` is its last request.
ARRIVES: dict[str, Callable[[Core, float, str], object]] = {
    "session": lambda core, now, _: session(core, now),
    "resumed": lambda core, now, _: session(core, now, resumed=True, end=2),
    "joined": lambda core, now, last: joined(core, seq=3, now=now, id=last),
    "answer": lambda core, now, last: get(core, now, type="accepted", id=last),
    "unavailable": lambda core, now, last: get(core, now, type="error", code="unavailable", message="", id=last),
    "no session yet": lambda core, now, _: get(core, now, type="error", code="unavailable", message="", id="session"),
    "invalid-token": lambda core, now, _: get(core, now, type="error", code="invalid-token", message="", id="session"),
    "released": lambda core, now, _: get(core, now, type="error", code="released", message=""),
}


def do(core: Core, step: str, now: float) -> None:
    """Nothing arrives without a connection, and no message without a session."""
    if step in ASKED:
        ASKED[step](core, now)
    elif core._connected and step in ARRIVES:
        ARRIVES[step](core, now, next(reversed(core._requests), ""))
    elif core._ready:
        kind, seq = step.split()
        message(core, int(seq), room="r" if kind == "message" else None, now=now)


STEPS = st.one_of(
    st.sampled_from(list(ASKED)),
    st.sampled_from(list(ARRIVES)),
    st.sampled_from([f"{kind} {seq}" for kind in ("message", "inbox") for seq in (1, 2, 3, 4)]),
)
PAUSES = st.sampled_from([0, 0.1, 0.6, 3, 11, 40, 300])
MANY_TIMES = st.sampled_from([TIMES, Times(keep_alive=2, dead=3), Times(retry=100)])


@given(MANY_TIMES, st.lists(st.tuples(STEPS, PAUSES), min_size=8, max_size=25), st.floats(0.5, 0.999))
def test_until_something_is_due_nothing_is_done(times: Times, steps: list[tuple[str, float]], share: float) -> None:
    core, now = Core(times, random.Random(1)), 1000.0
    for step, pause in [("connected", 0.0), ("session", 0.0), ("join", 0.0), ("joined", 0.0), *steps]:
        end = now + pause
        while core.due <= end:
            now = max(now, core.due)
            if core.tick(now):
                assert core.due > now, "or it would be called on and on"
            else:
                core.disconnected(now)
        now = end
        do(core, step, now)
        ticked = copy.deepcopy(core)
        going = ticked.tick(now)
        for state in (core, ticked) if going else (core,):
            if (until := min(state.due, now + 10_000)) > now:
                early = copy.deepcopy(state)
                early.outbox.clear()
                assert early.tick(now + share * (until - now))
                assert not early.outbox, "before it was due"


def test_a_gap_is_due_when_there_is_a_session_again(core: Core) -> None:
    message(core, 3)
    core.disconnected(0)
    core.connected(100)
    session(core, 100, resumed=True)
    core.tick(core.due)
    assert core.due <= 100 + TIMES.gap + TIMES.retry


@given(MANY_TIMES, st.lists(STEPS, max_size=25))
def test_what_is_due_is_done(times: Times, steps: list[str]) -> None:
    core = Core(times, random.Random(1))
    for step in ("connected", "session", "join", "joined", *steps):
        do(core, step, 1000)
    core.tick(1000)  # frames may have made unnecessary what was due
    sent(core)
    if not math.isinf(core.due):
        assert not core.tick(core.due) or sent(core)


# --- what a pod that holds sockets asks for ---------------------------------------------------------------------------


def test_a_client_that_is_asked_to_reconnect_gives_the_connection_up(core: Core) -> None:
    assert core.tick(1)
    assert get(core, 1, type="reconnect") == []
    assert core.due == 1
    assert not core.tick(1)
    core.disconnected(1)
    core.connected(2)
    assert sent(core) == [{"action": "session", "id": "session", "resume": "t1", "epoch": EPOCH, "after": 0}]
    assert core.tick(3), "once"


def test_a_client_that_is_told_to_catch_up_asks_for_everything_behind_what_it_has(core: Core) -> None:
    assert message(core, 1) == [1]
    assert get(core, 1, type="catch-up") == []
    assert sent(core) == [
        {"action": "session", "id": "session", "resume": "t1", "epoch": EPOCH, "after": 0},
        {"action": "join", "room": "r", "epoch": EPOCH, "after": 1},
    ]


def test_a_client_without_a_session_yet_has_nothing_to_catch_up_with() -> None:
    core = Core(TIMES)
    core.connected(0)
    sent(core)
    get(core, 0, type="catch-up")
    assert sent(core) == []
