"""The client protocol, row by row, through real sockets: the same for every variant of the backend."""

from __future__ import annotations

import re
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.protocol.conftest import OPTIONS
from tests.protocol.peers import PATIENCE, Peer, Peers

ECHOED = [
    "hello",
    '{"not": "an action"}',
    "[1, 2]",
    '{"action":"nope"}',
    '{"action": 5}',
    '{ "action" : "ping"',
    "\N{PILE OF POO} quotes \" \\ ' é",
]


# --- echo and errors --------------------------------------------------------------------------------------------------


def test_what_is_no_known_action_comes_back_byte_for_byte(peers: Peers) -> None:
    peer = peers.new()
    for text in ECHOED:
        peer.socket.send(text)
        assert peer.text() == text


def test_a_ping_gets_a_pong(peers: Peers) -> None:
    peer = peers.new()
    assert peer.ask(action="ping") == {"type": "pong"}
    assert peer.ask(action="ping", id=7) == {"type": "pong", "id": 7}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"action": "nope"}, "unknown-action"),
        ({"action": "session", "resume": "nothing"}, "invalid-token"),
        ({"action": "session", "resume": 5}, "bad-request"),
        ({"action": "join"}, "bad-request"),
        ({"action": "join", "room": "r", "after": -1}, "bad-request"),
        ({"action": "leave", "room": ""}, "bad-request"),
        ({"action": "publish", "room": "r"}, "bad-request"),
        ({"action": "send", "to": "nobody", "data": 1}, "no-session"),
        ({"action": "send", "to": "a" * 26, "data": 1}, "no-session"),
        ({"action": "work"}, "bad-request"),
    ],
    ids=str,
)
def test_what_is_refused_gets_an_error_with_its_id(peers: Peers, message: dict[str, Any], code: str) -> None:
    peer = peers.new()
    error = peer.ask(**message, id="my id")
    assert (error["type"], error["code"], error["id"]) == ("error", code, "my id")
    assert set(error) == {"type", "code", "id", "message"}
    peer.nothing_else()


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_reply_has_every_field(peers: Peers) -> None:
    session = peers.new().session(id="s")
    assert set(session) == {"type", "id", "sessionId", "resumeToken", "resumed", "inbox", "expiresAt"}
    assert (session["type"], session["id"], session["resumed"]) == ("session", "s", False)
    assert re.fullmatch("[a-z2-7]{26}", session["sessionId"])
    assert session["sessionId"] not in session["resumeToken"].partition(".")[2]
    assert session["inbox"]["seq"] == 0


def test_a_session_is_resumed_once_with_a_token_and_the_older_connection_is_told_and_closed(peers: Peers) -> None:
    first, second, third = peers.some(3)
    session = first.session()
    resumed = second.session(resume=session["resumeToken"], after=0)
    assert (resumed["sessionId"], resumed["resumed"]) == (session["sessionId"], True)
    assert resumed["resumeToken"] != session["resumeToken"]
    assert first.frame() == {"type": "taken-over", "sessionId": session["sessionId"]}
    with pytest.raises(ConnectionClosed):
        first.socket.recv(timeout=PATIENCE)

    third.session(resume=resumed["resumeToken"])
    own = second.frame()
    assert own == {"type": "taken-over", "sessionId": session["sessionId"]}
    fourth = peers.new()
    before = fourth.session()["sessionId"]
    assert fourth.session(resume=session["resumeToken"])["code"] == "invalid-token", "used twice over"
    assert fourth.session()["sessionId"] == before, "it keeps its own"


def test_what_was_sent_while_nobody_was_there_follows_the_resume(peers: Peers) -> None:
    first, other = peers.some(2)
    session = first.session()
    to = session["sessionId"]
    assert other.ask(action="send", to=to, data="one")["seq"] == 1
    assert first.frame()["data"] == "one"
    first.socket.close()
    for data in ("two", "three"):
        assert other.ask(action="send", to=to, data=data)["type"] == "accepted"
    second = peers.new()
    resumed = second.session(resume=session["resumeToken"], after=1, id="r")
    assert (resumed["type"], resumed["id"], resumed["inbox"]["seq"]) == ("session", "r", 3)
    assert [(frame["seq"], frame["data"]) for frame in (second.frame(), second.frame())] == [(2, "two"), (3, "three")]
    second.nothing_else()


# --- rooms ------------------------------------------------------------------------------------------------------------


def joined(peer: Peer, room: str) -> Any:
    reply = peer.ask(action="join", room=room, id="j")
    assert reply == {
        "type": "joined",
        "id": "j",
        "room": room,
        "epoch": reply["epoch"],
        "seq": reply["seq"],
        "recovered": True,
    }
    return reply


def test_a_message_reaches_every_member_and_its_sender_is_told_the_seq(peers: Peers) -> None:
    room = peers.room()
    ann, bob, eve = peers.some(3)
    sender = ann.session()["sessionId"]
    for peer in (ann, bob):
        joined(peer, room)
    first = ann.ask(action="publish", room=room, data={"a": [1, None, "é"]}, id=9)
    frames = {frame["type"]: frame for frame in (first, ann.frame())}
    assert frames["accepted"] == {"type": "accepted", "id": 9, "room": room, "seq": 1}
    message = frames["message"]
    assert message == {
        "type": "message",
        "room": room,
        "epoch": message["epoch"],
        "seq": 1,
        "from": sender,
        "data": {"a": [1, None, "é"]},
    }
    assert bob.frame() == message
    for peer in (ann, bob, eve):
        peer.nothing_else()


def test_a_join_that_was_answered_receives_the_next_message(peers: Peers) -> None:
    room = peers.room()
    ann, bob = peers.some(2)
    for number in range(1, 11):
        joined(bob, room)
        assert ann.ask(action="publish", room=room, data=number)["seq"] == number
        assert bob.frame()["seq"] == number
        assert bob.ask(action="leave", room=room) == {"type": "left", "room": room}


def test_a_retry_with_the_same_id_gets_the_same_seq(peers: Peers) -> None:
    room = peers.room()
    ann, bob = peers.some(2)
    to = bob.session()["sessionId"]
    for more in ({"action": "publish", "room": room}, {"action": "send", "to": to}):
        first = ann.ask(**more, data=1, id="x")
        ann.ask(**more, data=2, id="y")
        assert ann.ask(**more, data=1, id="x") == first
    assert peers.new().ask(action="publish", room=room, data=1, id="x")["seq"] == 3, "another sender's is another"


def test_what_was_missed_follows_the_reply_to_a_join(peers: Peers) -> None:
    room = peers.room()
    ann, bob = peers.some(2)
    epoch = joined(bob, room)["epoch"]
    bob.ask(action="leave", room=room)
    for number in range(1, 4):
        ann.ask(action="publish", room=room, data=number)
    reply = bob.ask(action="join", room=room, epoch=epoch, after=0, id="again")
    assert (reply["seq"], reply["recovered"], reply["after"], reply["id"]) == (3, True, 0, "again")
    assert [bob.frame()["data"] for _ in range(3)] == [1, 2, 3]
    assert bob.ask(action="join", room=room, epoch=reply["epoch"], after=3)["recovered"] is True
    bob.nothing_else()


def test_a_history_that_does_not_reach_back_says_so(peers: Peers) -> None:
    room = peers.room()
    ann, bob = peers.some(2)
    length = OPTIONS["history_messages"]
    for number in range(1, length + 3):
        ann.ask(action="publish", room=room, data=number)
    epoch = joined(bob, room)["epoch"]
    reply = bob.ask(action="join", room=room, epoch=epoch, after=1)
    assert (reply["seq"], reply["recovered"], reply["after"]) == (length + 2, False, 2)
    assert [bob.frame()["seq"] for _ in range(length)] == list(range(3, length + 3))
    reply = bob.ask(action="join", room=room, epoch=epoch - 1, after=length + 2)
    assert reply["recovered"] is False, "a position in another epoch"
    assert [bob.frame()["seq"] for _ in range(length)] == list(range(3, length + 3))


def test_rooms_move_with_the_session(peers: Peers) -> None:
    room = peers.room()
    first, second, ann = peers.some(3)
    joined(first, room)
    token = first.session()["resumeToken"]
    second.session(resume=token)
    ann.ask(action="publish", room=room, data="moved")
    assert second.frame()["data"] == "moved"


def test_caps_are_errors_that_name_them(peers: Peers) -> None:
    peer = peers.new()
    rooms = [peers.room() for _ in range(OPTIONS["max_rooms"] + 1)]
    for room in rooms[:-1]:
        joined(peer, room)
    error = peer.ask(action="join", room=rooms[-1])
    assert (error["code"], str(OPTIONS["max_rooms"]) in error["message"]) == ("limit", True)
    for other in peers.some(OPTIONS["max_members"] - 1):
        joined(other, rooms[0])
    error = peers.new().ask(action="join", room=rooms[0])
    assert (error["code"], str(OPTIONS["max_members"]) in error["message"]) == ("limit", True)


# --- work -------------------------------------------------------------------------------------------------------------


def test_work_is_accepted_at_once_and_its_result_comes_later_once(peers: Peers) -> None:
    peer = peers.new()
    frames = [peer.ask(action="work", data={"n": 1}, id="w"), peer.ask(action="work", data={"n": 1}, id="w")]
    frames += [peer.frame(), peer.frame()]
    assert [frame for frame in frames if frame["type"] == "accepted"] == [{"type": "accepted", "id": "w"}] * 2
    first, second = (frame for frame in frames if frame["type"] == "result")
    assert first == second, "both deliveries of one job have one place"
    assert (first["type"], first["id"], first["seq"]) == ("result", "w", 1)
    assert {"epoch", "data"} < set(first)
    assert peer.session()["inbox"] == {"epoch": first["epoch"], "seq": 1}


def test_a_result_waits_in_the_inbox(peers: Peers) -> None:
    first = peers.new()
    token = first.session()["resumeToken"]
    frames = [first.ask(action="work", data=1, id="w"), first.frame()]
    assert {frame["type"] for frame in frames} == {"accepted", "result"}
    first.socket.close()
    second = peers.new()
    assert second.session(resume=token, after=0)["inbox"]["seq"] == 1
    assert second.frame()["id"] == "w"
