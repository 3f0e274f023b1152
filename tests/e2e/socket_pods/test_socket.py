"""Frames, right and wrong, against a pod."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import connect

from tests.e2e.socket_pods.conftest import Pods
from tests.e2e.socket_pods.fleet import Fleet
from tests.e2e.socket_pods.raw import BINARY, CLOSE, PING, PONG, TEXT, Raw, frame
from tests.processes import PATIENCE, eventually

pytestmark = pytest.mark.slow

KIB = 1024
WRONG = {
    "no mask": (frame(TEXT, b"a", masked=False), 1002),
    "a reserved bit": (frame(TEXT, b"a", reserved=4), 1002),
    "a reserved bit of a ping": (frame(PING, reserved=1), 1002),
    "an unknown opcode": (frame(3, b"a"), 1002),
    "an unknown control": (frame(11), 1002),
    "a ping in parts": (frame(PING, fin=False), 1002),
    "a long ping": (frame(PING, bytes(126)), 1002),
    "a continuation of nothing": (frame(0, b"a"), 1002),
    "a message within a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "a first part within a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b", fin=False), 1002),
    "not UTF-8": (frame(TEXT, b"\xff"), 1007),
    "not UTF-8 over two parts": (frame(TEXT, b"\xc3", fin=False) + frame(0, b"a"), 1007),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "binary": (frame(BINARY, b"a"), 1003),
    "a large frame": (frame(TEXT, bytes(32 * KIB + 1)), 1009),
    "a large message": (
        frame(TEXT, b"a" * 32 * KIB, fin=False) + 4 * frame(0, b"a" * 32 * KIB, fin=False),
        1009,
    ),
    "a close code that nobody sends": (frame(CLOSE, (1006).to_bytes(2)), 1002),
    "half a close code": (frame(CLOSE, b"\x03"), 1002),
    "a reason that is not UTF-8": (frame(CLOSE, (1000).to_bytes(2) + b"\xff"), 1007),
    "more pings than allowed": (frame(PING) * 1000, 1008),
    "more parts than allowed": (frame(TEXT, fin=False) + frame(0, fin=False) * 1000, 1008),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_protocol_does_not_allow_closes_with_its_code(fleet: Fleet, name: str) -> None:
    data, code = WRONG[name]
    with Raw(fleet.pods[0]).open() as raw:
        raw.send(data)
        assert raw.code() == code
        assert raw.ended()


def test_a_close_is_answered_with_its_code(fleet: Fleet) -> None:
    for payload, code in ((b"", 1000), ((1000).to_bytes(2), 1000), ((4321).to_bytes(2) + b"mine", 4321)):
        with Raw(fleet.pods[0]).open() as raw:
            raw.send(frame(CLOSE, payload))
            assert raw.code() == code
            assert raw.ended()


def test_parts_become_one_message_and_controls_come_between(fleet: Fleet) -> None:
    with Raw(fleet.pods[0]).open() as raw:
        raw.send(frame(TEXT, "é".encode()[:1], fin=False) + frame(PING, b"p"))
        assert raw.frame() == (PONG, b"p")
        raw.send(frame(0, "é".encode()[1:], fin=False) + frame(PONG) + frame(0, b"!"))
        assert raw.frame() == (TEXT, "é!".encode())


def test_frames_may_come_byte_by_byte_and_many_at_once(fleet: Fleet) -> None:
    with Raw(fleet.pods[0]).open() as raw:
        for byte in frame(TEXT, b"slow"):
            raw.send(bytes((byte,)))
        assert raw.frame() == (TEXT, b"slow")
        raw.send(b"".join(frame(TEXT, str(number).encode()) for number in range(500)))
        assert [raw.frame() for _ in range(500)] == [(TEXT, str(number).encode()) for number in range(500)]


def test_the_largest_message_is_echoed(fleet: Fleet) -> None:
    text = "x" * (128 * KIB)
    with connect(fleet.pods[0].url, max_size=None) as client:
        client.send([text[start : start + 32 * KIB] for start in range(0, len(text), 32 * KIB)])
        assert client.recv(PATIENCE) == text


def test_answers_come_in_the_order_of_the_questions(fleet: Fleet) -> None:
    with connect(fleet.pods[0].url) as client:
        asked: list[tuple[str, int]] = []
        for number in range(150):  # more than may wait: reading stops meanwhile
            action = "publish" if number % 3 == 0 else "ping"
            client.send(json.dumps({"action": action, "room": "order", "data": 1, "id": number}))
            asked.append(({"publish": "accepted", "ping": "pong"}[action], number))
        answers = [json.loads(client.recv(PATIENCE)) for _ in asked]
        assert [(answer["type"], answer["id"]) for answer in answers] == asked


def test_more_messages_than_the_rate_are_refused_without_a_store(pods: Pods) -> None:
    pod = pods(message_rate=5)
    with connect(pod.url) as client:
        for number in range(50):
            client.send(json.dumps({"action": "publish", "room": "r", "data": 1, "id": number}))
        codes = [json.loads(client.recv(PATIENCE)).get("code") for _ in range(50)]
    assert codes[:5] == [None] * 5
    assert codes.count("rate") >= 30


# --- who does not read, who does not answer ---------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [{"slow_seconds": 1, "max_unsent_bytes": 64 * KIB * KIB}, {"slow_seconds": 600}])
def test_a_client_that_does_not_read_is_cut(pods: Pods, limit: dict[str, int]) -> None:
    pod = pods(message_rate=0, **limit)
    with Raw(pod, receive_buffer=4 * KIB).open() as raw:
        raw.socket.settimeout(1)
        for _ in range(400):  # 12 MiB, far beyond what kernels hold
            raw.send(frame(TEXT, b"x" * 30 * KIB))
            if pod.figure("ws_connections_active") == 0:
                break
        eventually(lambda: pod.figure("ws_connections_active") == 0, "the end of a slow reader")
    assert 'ws_connections_ended_total{reason="slow"} 1.0' in pod.get("metrics", "/metrics")[1]


def test_a_client_that_answers_no_ping_is_cut_and_one_that_does_stays(pods: Pods) -> None:
    pod = pods(ping_seconds=1, idle_seconds=3)
    with connect(pod.url, ping_interval=None) as alive, Raw(pod).open() as dead:
        assert dead.frame() == (PING, b"")
        assert dead.ended()
        eventually(lambda: pod.figure("ws_connections_active") == 1, "the end of the silent one")
        alive.send("still here")
        assert alive.recv(PATIENCE) == "still here"
    assert 'ws_connections_ended_total{reason="idle"} 1.0' in pod.get("metrics", "/metrics")[1]


def test_a_connection_that_is_too_old_is_sent_away(pods: Pods) -> None:
    pod = pods(max_age_seconds=1, ping_seconds=2)
    with Raw(pod).open() as raw:
        assert raw.code() == 1001


def test_an_open_connection_keeps_its_session_and_the_session_is_touched(pods: Pods, fleet: Fleet) -> None:
    pod = pods(ping_seconds=4, touch_seconds=1)
    with connect(pod.url, ping_interval=None) as client:
        client.send('{"action":"session"}')
        session = json.loads(client.recv(PATIENCE))

        def expires() -> int:
            key = {"pk": {"S": f"session#{session['sessionId']}"}, "sk": {"S": "session"}}
            item = fleet.client("dynamodb").get_item(TableName=fleet.table, Key=key, ConsistentRead=True)["Item"]
            return int(item["expiresAt"]["N"])

        eventually(lambda: expires() > session["expiresAt"], "a touch, without a message")


# --- the gauge --------------------------------------------------------------------------------------------------------


def test_the_gauge_goes_down_however_a_socket_ends(pods: Pods) -> None:
    pod = pods()

    def rude(raw: Raw) -> None:
        raw.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0: a reset

    ends: dict[str, Callable[[Raw], None]] = {
        "close": lambda raw: raw.send(frame(CLOSE)),
        "end without a word": lambda _raw: None,
        "half an end": lambda raw: raw.socket.shutdown(1),
        "reset": rude,
        "protocol error": lambda raw: raw.send(b"\xff\xff"),
        "parser's error and more": lambda raw: raw.send(frame(3) + frame(TEXT, b"a") * 9),
        "in the middle of a frame": lambda raw: raw.send(frame(TEXT, b"abcdef")[:-3]),
        "while asking": lambda raw: raw.send(frame(TEXT, b'{"action":"session"}') * 20),
    }
    for name, end in ends.items():
        with Raw(pod).open() as raw:
            eventually(lambda: pod.figure("ws_connections_active") == 1, "a socket")
            end(raw)
        eventually(lambda: pod.figure("ws_connections_active") == 0, name)
    assert pod.figure("ws_connections_ended_total") == len(ends)


def test_without_a_store_a_client_is_told_to_come_later_and_an_echo_still_works(pods: Pods) -> None:
    pod = pods(table_name="nothing")
    with Raw(pod).open() as raw:
        assert raw.code() == 1013
    eventually(lambda: pod.figure("ws_connections_active") == 0, "zero")


# --- anything ---------------------------------------------------------------------------------------------------------

FRAMES = st.builds(
    frame,
    st.integers(0, 15),
    st.one_of(st.binary(max_size=200), st.text(max_size=60).map(str.encode), st.just(b"x" * 70_000)),
    fin=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 0, 1, 7]),
    masked=st.sampled_from([True, True, True, False]),
)
ANYTHING = st.lists(st.one_of(FRAMES, FRAMES, st.binary(max_size=40)), min_size=1, max_size=6).map(b"".join)
CODES = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, *range(3000, 5000)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=ANYTHING, cut=st.integers(1, 50))
def test_no_bytes_crash_or_hang_a_pod(fleet: Fleet, data: bytes, cut: int) -> None:
    pod = fleet.pods[0]
    with Raw(pod).open() as raw:
        raw.send(data[:cut])
        raw.send(data[cut:])
        raw.socket.shutdown(1)  # whatever it waits for does not come
        code = raw.code()
        assert code in CODES | {1006}
        assert code != 1011, "an error of the pod's own"
    with connect(pod.url) as client:
        client.send("alive")
        assert client.recv(PATIENCE) == "alive"
