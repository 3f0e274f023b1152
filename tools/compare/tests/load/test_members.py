"""Members of a group, given frames by hand: what they count."""

from __future__ import annotations

import json
from typing import Any

from compare.load.members import Group, Plain, Sessioned
from compare.load.scenario import parse

BROADCAST = b"kind: broadcast\nconnections: 2\nrate: 1\nduration: 1\nroom_members: 2\n"


class Room:
    """Two members in a room, and a server that is played by hand."""

    def __init__(self, text: bytes = BROADCAST) -> None:
        self.group = Group(parse("it", text), "run")
        self.counts, self.errors = self.group.measures.counts, self.group.measures.errors
        self.members = [self.enter(number) for number in range(2)]

    def enter(self, number: int) -> Sessioned:
        member = self.group.enter()
        assert isinstance(member, Sessioned)
        member.connected(0)
        self.answer_session(member, number)
        for frame in self.sent(member):
            if frame["action"] == "join":
                self.tell(member, type="joined", id=frame["id"], room=frame["room"], epoch=1, seq=0)
        assert member.ready
        return member

    def answer_session(self, member: Sessioned, number: int, **fields: Any) -> None:
        (asked,) = self.sent(member)
        inbox = {"epoch": 1, "seq": 0}
        fields = {"resumed": False, **fields}
        self.tell(
            member, type="session", id=asked["id"], sessionId=f"s{number}", resumeToken="t", inbox=inbox, **fields
        )

    @staticmethod
    def sent(member: Sessioned) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in member.frames()]

    @staticmethod
    def tell(member: Sessioned, **frame: Any) -> None:
        member.received(json.dumps(frame).encode(), 1.0)

    def publish(self) -> dict[str, Any]:
        self.members[0].turn("publish", 0.25, 0.5)
        (frame,) = self.sent(self.members[0])
        return frame

    def accept(self, frame: dict[str, Any], seq: int) -> None:
        self.tell(self.members[0], type="accepted", id=frame["id"], room=frame["room"], seq=seq)

    def deliver(self, frame: dict[str, Any], seq: int, to: int) -> None:
        message = {"room": frame["room"], "epoch": 1, "seq": seq, "from": "s0", "data": frame["data"]}
        self.tell(self.members[to], type="message", **message)


def test_a_publish_is_done_when_every_member_has_it() -> None:
    room = Room()
    frame = room.publish()
    assert len(frame["data"]) == 64
    room.deliver(frame, 1, to=0)
    room.accept(frame, 1)
    assert room.group.under_way == 1
    room.deliver(frame, 1, to=1)
    assert room.group.under_way == 0
    room.group.finish()
    assert (room.counts["answered"], room.counts["deliveries"], room.counts["lost"]) == (1, 2, 0)
    latency = room.group.measures.latencies["delivered"].corrected
    assert latency.get_total_count() == 2
    assert 749_000 <= latency.get_max_value() <= 751_000  # from when it was due


def test_an_accepted_message_that_a_member_never_gets_is_lost_and_one_without_a_reply_is_unanswered() -> None:
    room = Room()
    frame = room.publish()
    room.accept(frame, 1)
    room.deliver(frame, 1, to=0)
    room.publish()
    room.group.finish()
    assert (room.counts["lost"], room.counts["unanswered"]) == (1, 1)


def test_repeated_and_overtaken_deliveries_are_counted_though_the_client_mends_them() -> None:
    room = Room()
    frames = [room.publish(), room.publish()]
    for seq, frame in enumerate(frames, 1):
        room.accept(frame, seq)
        room.deliver(frame, seq, to=0)
    room.deliver(frames[1], 2, to=1)
    room.deliver(frames[0], 1, to=1)
    room.deliver(frames[0], 1, to=1)
    room.group.finish()
    assert (room.counts["overtaken"], room.counts["repeated"], room.counts["lost"]) == (1, 1, 0)
    assert room.counts["deliveries"] == 4


def test_an_error_that_passes_is_counted_and_the_request_sent_again() -> None:
    room = Room()
    frame = room.publish()
    room.tell(room.members[0], type="error", code="unavailable", message="later", id=frame["id"])
    room.members[0].tick(30)
    assert frame in room.sent(room.members[0])
    room.accept(frame, 1)
    assert (room.errors["error unavailable"], room.counts["answered"]) == (1, 1)


def test_an_error_that_is_final_is_no_loss_beside() -> None:
    room = Room()
    frame = room.publish()
    room.tell(room.members[0], type="error", code="not-found", message="no", id=frame["id"])
    room.group.finish()
    assert dict(room.errors) == {"error not-found": 1}
    assert (room.counts["lost"], room.counts["unanswered"]) == (0, 0)


def test_a_broken_connection_resumes_and_is_written_to_while_it_is_away() -> None:
    room = Room(b"kind: churn\nconnections: 2\nrate: 1\nduration: 1\n")
    away, other = room.members
    away.turn("reconnect", 0.25, 0.5)
    (frame,) = room.sent(other)
    assert (frame["action"], frame["to"]) == ("send", "s0")
    away.disconnected(0.5)
    away.connected(0.75)
    room.answer_session(away, 0, resumed=True, after=0)
    room.tell(other, type="accepted", id=frame["id"], seq=1)
    room.tell(away, **{"type": "message", "epoch": 1, "seq": 1, "from": "s1", "data": frame["data"]})
    assert room.group.under_way == 0
    assert (room.counts["resumed"], room.counts["deliveries"], sum(room.errors.values())) == (1, 1, 0)


MIXED = b"kind: mixed\nconnections: 2\nrate: 1\nduration: 1\nroom_members: 2\nmix: {echo: 1, ping: 1, reconnect: 1}\n"


def test_what_a_member_breaks_off_itself_is_asked_again_and_counts_from_when_it_was_due() -> None:
    room = Room(MIXED)
    away = room.members[0]
    for action in ("echo", "ping", "reconnect"):
        away.turn(action, 0.25, 0.25)
    first = list(away.frames())
    away.disconnected(0.5)
    assert (room.counts["lost"], away.waiting) == (0, 3)
    away.connected(0.75)
    room.answer_session(away, 0, resumed=True, after=0)
    echo, ping = away.frames()
    assert isinstance(echo, bytes)
    assert [echo, ping] != first  # answers to those would be repeats
    away.received(echo, 1.25)
    away.received(b'{"type":"pong","id":%d}' % json.loads(ping)["id"], 1.25)
    room.group.finish()
    assert (room.counts["answered"], room.counts["lost"], away.waiting) == (2, 0, 0)
    assert 999_000 <= room.group.measures.latencies["echo"].corrected.get_max_value() <= 1_001_000


def test_what_is_under_way_when_the_other_end_closes_is_lost() -> None:
    room = Room(MIXED)
    room.members[0].turn("echo", 0.25, 0.25)
    room.members[0].disconnected(0.5)
    assert (room.counts["lost"], room.members[0].waiting) == (1, 0)


def test_what_is_under_way_when_the_server_has_asked_to_leave_is_asked_again() -> None:
    room = Room(MIXED)
    member = room.members[0]
    member.turn("echo", 0.25, 0.25)
    room.tell(member, type="reconnect")
    assert not member.tick(1.0)
    assert member.leaving(1.0)
    member.disconnected(1.0)
    assert (room.counts["lost"], member.waiting, member.leaving(1.0)) == (0, 1, False)


def test_what_is_under_way_on_a_connection_that_has_gone_silent_is_lost() -> None:
    room = Room(MIXED)
    member = room.members[0]
    member.turn("echo", 0.25, 0.25)
    now = 1.0
    while member.tick(now):
        now += 1
    assert not member.leaving(now)
    member.disconnected(now)
    assert (room.counts["lost"], member.waiting) == (1, 0)


def test_a_member_that_has_long_said_nothing_pings_and_stays() -> None:
    room = Room(MIXED)
    member = room.members[0]
    sent: list[dict[str, Any]] = []
    now = 1.0
    while not sent:
        now += 1
        assert member.tick(now)
        sent = room.sent(member)
    assert sent == [{"action": "ping"}]
    member.received(b'{"type":"pong"}', now)
    assert member.tick(now + 60)
    assert not room.errors


def test_an_echo_shows_that_the_other_end_lives() -> None:
    room = Room(MIXED)
    member = room.members[0]
    now = 1.0
    while not room.sent(member):
        now += 1
        member.tick(now)
    member.turn("echo", now, now)
    (echo,) = member.frames()
    assert isinstance(echo, bytes)
    member.received(echo, now)
    assert member.tick(now + 60)


def test_a_session_that_begins_anew_is_an_error() -> None:
    room = Room(b"kind: churn\nconnections: 2\nrate: 1\nduration: 1\n")
    away = room.members[0]
    away.turn("reconnect", 0.25, 0.5)
    away.disconnected(0.5)
    away.connected(0.75)
    room.answer_session(away, 7)
    assert room.errors["a session that could not be resumed"] == 1


def test_what_is_no_frame_of_the_protocol_is_an_error_and_nothing_worse() -> None:
    room = Room()
    for frame in (b"{", b"[]", b"{}", b'{"type":"message"}', b"\xff", b'{"type":"accepted","id":7}', b"[" * 9999):
        room.members[0].received(frame, 1.0)
    room.members[0].received(b'{"message":"Forbidden","connectionId":"a","requestId":"b"}', 1.0)
    assert room.errors["gateway: Forbidden"] == 1
    assert sum(room.errors.values()) >= 5


def test_turns_that_are_due_while_a_connection_is_away_count_from_then() -> None:
    group = Group(parse("it", b"kind: echo\nconnections: 1\nrate: 1\nduration: 1\n"), "run")
    member = group.enter()
    assert isinstance(member, Plain)
    member.turn("echo", 1, 1)
    assert list(member.frames()) == []
    member.connected(5)
    (frame,) = member.frames()
    assert isinstance(frame, bytes)
    member.received(frame, 6)
    latency = group.measures.latencies["echo"]
    assert 4_990_000 <= latency.corrected.get_max_value() <= 5_010_000
    assert 990_000 <= latency.uncorrected.get_max_value() <= 1_010_000
