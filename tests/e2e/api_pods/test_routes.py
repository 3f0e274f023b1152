"""What a pod answers, over real sockets."""

import contextlib
import json
import socket

import pytest

from backend.records import Connection
from pods.api.gateway import MOST_BYTES as MOST_HEADER
from pods.api.routes import MOST_BYTES
from pods.api.server import HEAD_BYTES
from tests.e2e.api_pods.support import Pod, Surroundings, ask, headers
from tests.processes import PATIENCE


def test_a_connection_opens_talks_and_ends(surroundings: Surroundings, pod: Pod) -> None:
    connection_id = "opens-and-ends="
    key = {"pk": {"S": f"session#{Connection(connection_id, 0).session_id}"}, "sk": {"S": "session"}}

    def holder() -> str | None:
        item = surroundings.client("dynamodb").get_item(TableName="duplex", Key=key)["Item"]
        held: str | None = item.get("connectionId", {}).get("S")
        return held

    assert pod.call("/connect", connection_id=connection_id, origin="https://example.com").status == 200
    assert holder() == connection_id
    joined = pod.call("/message", b'{"action":"join","room":"r","id":1}', connection_id=connection_id)
    assert json.loads(joined.body)["type"] == "joined"
    assert pod.call("/disconnect", connection_id=connection_id, disconnect_code="1001").status == 200
    assert holder() is None


@pytest.mark.parametrize(
    "text", ["hello", '{"a": "\\"quoted\\"", \'b\': "\\n"}', "\u00e9\U0001f600\u2028", "x" * MOST_BYTES, "%2F+&=\r\n\t"]
)
def test_a_message_loses_nothing_on_its_way(pod: Pod, text: str) -> None:
    assert pod.call("/message", text.encode()).body == text


def test_an_empty_message_has_an_empty_answer(pod: Pod) -> None:
    answer = pod.call("/message")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, "", "0")


def test_a_connection_is_kept_from_one_answer_to_the_next(pod: Pod) -> None:
    with contextlib.closing(pod.connection()) as connection:
        answers = [ask(connection, "POST", "/message", b"x", headers()) for _ in range(3)]
        assert [("connection" in answer.headers, answer.body) for answer in answers] == [(False, "x")] * 3


REFUSED: list[tuple[dict[str, str | None], int, str]] = [
    ({"secret": None}, 403, "x-duplex-secret"),
    ({"secret": "a-guess"}, 403, "x-duplex-secret"),
    ({"secret": ""}, 403, "x-duplex-secret"),
    ({"api_id": "another123"}, 403, "x-duplex-api-id"),
    ({"api_id": None}, 403, "x-duplex-api-id"),
    ({"domain_name": "another.example.com"}, 403, "x-duplex-domain-name"),
    ({"domain_name": None}, 403, "x-duplex-domain-name"),
    ({"connection_id": None}, 400, "x-duplex-connection-id"),
    ({"connection_id": "a b"}, 400, "x-duplex-connection-id"),
    ({"connection_id": "x" * 129}, 400, "x-duplex-connection-id"),
    ({"connected_at": None}, 400, "x-duplex-connected-at"),
    ({"connected_at": "yesterday"}, 400, "x-duplex-connected-at"),
    ({"connected_at": "-1"}, 400, "x-duplex-connected-at"),
    ({"connected_at": "1" * 16}, 400, "x-duplex-connected-at"),
    ({"principal": None}, 400, "x-duplex-principal"),
    ({"principal": "\u00e9".encode().decode("latin-1")[:1]}, 400, "x-duplex-principal"),
    ({"user_agent": "x" * (MOST_HEADER + 1)}, 400, "x-duplex-user-agent"),
]


@pytest.mark.parametrize("path", ["/connect", "/message", "/disconnect"])
@pytest.mark.parametrize(("changes", "status", "named"), REFUSED)
def test_what_the_gateway_would_not_send_is_refused_by_name(
    pod: Pod, path: str, changes: dict[str, str | None], status: int, named: str
) -> None:
    answer = pod.call(path, b"hello", **changes)
    assert answer.status == status
    assert answer.body.startswith(named)
    assert answer.body.count("\n") == 1
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("name", [name for name, _ in headers()])
def test_a_clients_own_copy_beside_the_gateways_is_refused(pod: Pod, name: str) -> None:
    sent = headers()
    copies = [("x-duplex-user-agent" if name == "X-Duplex-User-Agent" else name.upper(), dict(sent)[name])]
    for order in (sent + copies, copies + sent):
        answer = pod.ask("POST", "/connect", b"", order)
        assert (answer.status, answer.body) == (400, f"{name.lower()} is there twice\n")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"x" * (MOST_BYTES + 1), 413, f"a message has at most {MOST_BYTES} bytes\n"),
        (b"x" * (4 * MOST_BYTES), 413, f"a message has at most {MOST_BYTES} bytes\n"),
        (b"\xff\xfe", 400, "the body is not UTF-8, which every text frame is\n"),
    ],
)
def test_a_body_that_is_no_message_is_refused(pod: Pod, body: bytes, status: int, said: str) -> None:
    answer = pod.call("/message", body)
    assert (answer.status, answer.body) == (status, said)


def test_who_does_not_know_the_secret_learns_nothing_else(pod: Pod) -> None:
    answer = pod.call("/message", b"x" * (2 * MOST_BYTES), secret="a-guess", api_id="another123", connected_at="no")
    assert (answer.status, answer.body) == (403, "x-duplex-secret is missing or not the gateway's\n")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/message", 405), ("POST", "/", 404), ("POST", "/healthz", 405)]
)
def test_other_paths_and_methods_are_not_there(pod: Pod, method: str, path: str, status: int) -> None:
    assert pod.ask(method, path, b"", headers()).status == status


def test_probes_need_no_secret(pod: Pod) -> None:
    assert pod.ask("GET", "/healthz").status == 200
    assert pod.ask("GET", "/readyz").status == 200


def test_headers_without_end_are_cut_off(pod: Pod) -> None:
    with socket.create_connection(("127.0.0.1", pod.said("listening")["port"]), timeout=PATIENCE) as client:
        client.sendall(b"POST /message HTTP/1.1\r\nHost: a\r\nX: ")
        received = b""
        with contextlib.suppress(ConnectionError):
            for _ in range(2 * HEAD_BYTES // 1024 + 1024):
                client.sendall(b"x" * 1024)
            received = client.recv(65536)
        assert received == b"" or received.startswith(b"HTTP/1.1 400")
    assert pod.ask("GET", "/healthz").status == 200


def test_what_is_not_http_is_refused(pod: Pod) -> None:
    with socket.create_connection(("127.0.0.1", pod.said("listening")["port"]), timeout=PATIENCE) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400")
