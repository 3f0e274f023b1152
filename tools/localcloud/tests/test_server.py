"""The gateway on real sockets, with real worker processes, seen by a client that is not ours."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode
from websockets.sync.client import connect

from localcloud.testing import Running, children, eventually, running

from . import assemblies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from websockets.sync.client import ClientConnection

TIMEOUT = 30.0


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    marks = tmp_path_factory.mktemp("marks")
    builder = assemblies.echo(Timeout=3, Environment={"Variables": {"MARKS": str(marks), "STAGE": {"Ref": "Stage"}}})
    folder = builder.write(tmp_path_factory.mktemp("assembly"), assemblies.HANDLERS)
    with running(folder, "--assembly", str(folder)) as cloud:
        yield cloud


def client(cloud: Running, query: str = "", **options: Any) -> ClientConnection:
    connection: ClientConnection = connect(f"{cloud.url}{query}", open_timeout=TIMEOUT, **options)
    return connection


def ask(socket_: ClientConnection, text: str) -> str:
    socket_.send(text)
    answer = socket_.recv(timeout=TIMEOUT)
    assert isinstance(answer, str)
    return answer


def connection_id(socket_: ClientConnection) -> str:
    return str(json.loads(ask(socket_, "event"))["requestContext"]["connectionId"])


def management(cloud: Running) -> ApiGatewayManagementApiClient:
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=cloud.management,
        region_name=cloud.ready["region"],
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


def request(cloud: Running, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(cloud.url).netloc, timeout=TIMEOUT)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


# The handshake.


def test_only_the_subprotocol_comes_back_from_connect(cloud: Running) -> None:
    with client(cloud, "?protocol=chat", subprotocols=["chat", "other"]) as socket_:
        assert socket_.subprotocol == "chat"
        assert socket_.response is not None
        assert "X-Dropped" not in socket_.response.headers
        assert "Sec-WebSocket-Extensions" not in socket_.response.headers


def test_the_gateway_picks_no_subprotocol_itself(cloud: Running) -> None:
    with client(cloud, subprotocols=["chat"]) as socket_:
        assert socket_.subprotocol is None


@pytest.mark.parametrize(
    ("query", "status"), [("status=403", 403), ("status=501", 501), ("raise=1", 502), ("malformed=1", 502)]
)
def test_a_refusal_by_connect_is_the_status_of_the_handshake(cloud: Running, query: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused, client(cloud, f"?{query}"):
        pass
    assert refused.value.response.status_code == status


@pytest.mark.parametrize("path", ["/", "/dev", "/prod/deeper"])
def test_an_unknown_stage_is_refused(cloud: Running, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://{urlsplit(cloud.url).netloc}{path}"):
        pass
    assert refused.value.response.status_code == 403


def test_the_101_is_held_until_connect_has_answered(cloud: Running) -> None:
    address = urlsplit(cloud.url)
    with socket.create_connection((address.hostname, address.port or 0), TIMEOUT) as raw:
        raw.sendall(
            b"GET /prod?sleep=0.4 HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        raw.settimeout(0.1)
        with pytest.raises(TimeoutError):
            raw.recv(1)
        raw.settimeout(TIMEOUT)
        assert raw.recv(12) == b"HTTP/1.1 101"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", b"400"),
        (b"GET /prod HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"400"),
        (b"GET /prod HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"426"),
        (b"GET /prod HTTP/1.1\r\nX: " + b"x" * 100_000, b"431"),
        (b"GET //[x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"400"),
        (b"GET /prod?" + b"x" * 5_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"POST /prod HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"403"),
    ],
)
def test_what_is_no_handshake_is_answered_and_closed(cloud: Running, head: bytes, status: bytes) -> None:
    address = urlsplit(cloud.url)
    with socket.create_connection((address.hostname, address.port or 0), TIMEOUT) as raw:
        raw.sendall(head)
        answer = b""
        while data := raw.recv(65536):
            answer += data
        assert answer.startswith(b"HTTP/1.1 " + status)


REFUSED = (
    b"GET /prod?status=403 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize(
    ("head", "status"), [(b"GET /prod HTTP/1.1\r\nX: " + b"x" * 40_000, b"431"), (REFUSED, b"403")]
)
def test_what_a_client_still_sends_does_not_cost_it_the_last_response(
    cloud: Running, head: bytes, status: bytes
) -> None:
    address = urlsplit(cloud.url)
    with socket.create_connection((address.hostname, address.port or 0), TIMEOUT) as raw:
        raw.sendall(head)
        assert raw.recv(1, socket.MSG_PEEK)
        for _ in range(200):
            raw.sendall(b"x" * 1_000)
        answer = b""
        while data := raw.recv(65536):
            answer += data
        assert answer.startswith(b"HTTP/1.1 " + status)

        def is_cut_off() -> bool:
            try:
                raw.sendall(b"x")
            except OSError:
                return True
            return False

        eventually(is_cut_off, "the end of a client that does not stop")


# Messages.


@pytest.mark.parametrize("text", ["hello", '{"action":"nope"}', '"quoted" \\ back\\slash \u2028 😀', " ", "x" * 32_768])
def test_a_text_is_echoed_unchanged(cloud: Running, text: str) -> None:
    with client(cloud) as socket_:
        assert ask(socket_, text) == text


def test_a_handler_gets_the_event_as_aws_shapes_it(cloud: Running) -> None:
    with client(cloud) as socket_:
        event = json.loads(ask(socket_, "event"))
    context = event["requestContext"]
    assert set(event) == {"requestContext", "body", "isBase64Encoded"}
    assert context["domainName"].endswith(".execute-api.us-east-1.amazonaws.com")
    assert (context["routeKey"], context["eventType"], context["stage"]) == ("$default", "MESSAGE", "prod")
    assert len(context["connectionId"]) == len(context["requestId"]) == 16
    assert context["connectionId"].endswith("=")


def test_a_fragmented_message_arrives_whole(cloud: Running) -> None:
    with client(cloud) as socket_:
        socket_.send(["frag", "men", "ted"])
        assert socket_.recv(timeout=TIMEOUT) == "fragmented"


def closing(socket_: ClientConnection) -> int | None:
    """The code that the gateway closes with."""
    with pytest.raises(ConnectionClosed) as closed:
        socket_.recv(timeout=TIMEOUT)
    return closed.value.rcvd.code if closed.value.rcvd else None


def test_text_that_is_not_utf_8_closes_with_1007(cloud: Running) -> None:
    with client(cloud) as socket_:
        with socket_.send_context():
            socket_.protocol.send_text(b"\xff")
        assert closing(socket_) == 1007


def frame(opcode: int, payload: bytes = b"") -> bytes:
    """A frame as clients send them, masked with zeros."""
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def test_what_came_before_a_close_in_the_same_packet_is_not_lost(cloud: Running) -> None:
    with client(cloud) as socket_:
        id_ = connection_id(socket_)
        socket_.socket.sendall(frame(1, b"say last words") + frame(8, b"\x03\xe8"))
        cloud.printed(f"disconnected {id_} 1000")
    cloud.printed("[Default] say last words")


def test_a_close_is_known_at_once_whatever_the_socket_does(cloud: Running) -> None:
    """A client that never ends its TCP connection after the close frame."""
    address = urlsplit(cloud.url)
    with socket.create_connection((address.hostname, address.port or 0), TIMEOUT) as raw:
        raw.sendall(
            b"GET /prod HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        received = b""
        while b"\r\n\r\n" not in received:
            received += raw.recv(4096)
        raw.sendall(frame(1, b"event"))
        while b"connectionId" not in received:
            received += raw.recv(4096)
        id_ = received.partition(b'"connectionId": "')[2][:16].decode()
        raw.sendall(frame(2, b"binary"))
        cloud.printed(f"disconnected {id_} 1003")
        assert request(cloud, "POST", f"/prod/@connections/{quote(id_)}", b"x")[0] == 410


def test_a_flood_from_one_client_does_not_hold_up_another(cloud: Running) -> None:
    with client(cloud, max_queue=None) as flooding, client(cloud) as other:
        flooding.socket.sendall(frame(1, b"x") * 3_000)
        assert ask(other, "hello") == "hello"
        assert [flooding.recv(timeout=TIMEOUT) for _ in range(3_000)] == ["x"] * 3_000


def test_trailers_are_not_kept(cloud: Running) -> None:
    connection = HTTPConnection(urlsplit(cloud.url).netloc, timeout=TIMEOUT)
    connection.putrequest("POST", "/prod")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    connection.send(b"1\r\nx\r\n0\r\n" + b"T: x\r\n" * 1_000 + b"\r\n")
    assert connection.getresponse().status == 403
    connection.close()


def test_a_cookie_of_many_kilobytes_is_no_obstacle(cloud: Running) -> None:
    with client(cloud, additional_headers={"Cookie": "c" * 20_000}) as socket_:
        assert ask(socket_, "hello") == "hello"


def test_a_frame_with_reserved_bits_ends_the_connection(cloud: Running) -> None:
    with client(cloud) as socket_:
        socket_.socket.sendall(frame(0b0100_0000 | Opcode.TEXT))
        assert closing(socket_) == 1002


@pytest.mark.parametrize("text", ["raise", "die", "nothing"])
def test_a_failing_handler_costs_one_message(cloud: Running, text: str) -> None:
    with client(cloud) as socket_:
        frame = json.loads(ask(socket_, text))
        assert list(frame) == ["message", "connectionId", "requestId"]
        assert frame["message"] == "Internal server error"
        assert ask(socket_, "still here") == "still here"


def test_a_handler_that_hangs_is_stopped_at_its_timeout(cloud: Running) -> None:
    with client(cloud) as socket_:
        assert json.loads(ask(socket_, "hang"))["message"] == "Internal server error"
        assert ask(socket_, "still here") == "still here"
    cloud.printed("[Default] Task timed out after 3.00 seconds")


def test_a_route_without_response_answers_nothing_but_errors(cloud: Running) -> None:
    with client(cloud) as socket_:
        socket_.send('{"action":"quiet"}')
        socket_.send('{"action":"nowhere"}')
        assert ask(socket_, "after") == "after"


def test_messages_at_the_same_time_have_workers_of_their_own(cloud: Running) -> None:
    with client(cloud) as one, client(cloud) as other:
        one.send("rendezvous")
        other.send("rendezvous")
        assert one.recv(timeout=TIMEOUT) == other.recv(timeout=TIMEOUT) == "rendezvous"


# The function's surroundings.


def test_a_worker_has_lambdas_environment_and_the_templates_and_none_of_ours(cloud: Running) -> None:
    with client(cloud) as socket_:
        environment = json.loads(ask(socket_, "environment"))
    assert environment["STAGE"] == "prod"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "ChatLambda-Default"
    assert environment["AWS_ENDPOINT_URL"] == cloud.aws
    assert environment["_HANDLER"] == "handlers.default"
    assert not {"HOME", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONUNBUFFERED"} & set(environment)


def test_a_worker_imports_its_source_and_lambdas_runtime_only(cloud: Running) -> None:
    with client(cloud) as socket_:
        path = json.loads(ask(socket_, "path"))
        assert not [entry for entry in path if "site-packages" in entry]
        assert json.loads(ask(socket_, "import moto"))["message"] == "Internal server error"
    cloud.printed("No module named 'moto'")


def test_what_a_handler_prints_is_shown_under_its_name(cloud: Running) -> None:
    with client(cloud) as socket_:
        ask(socket_, "print")
    assert cloud.printed("by the handler") == "[Default] by the handler"


# @connections.


def test_a_client_is_posted_to_described_closed_and_then_gone(cloud: Running) -> None:
    with client(cloud, user_agent_header="test/1.0") as socket_:
        id_ = connection_id(socket_)
        api = management(cloud)
        api.post_to_connection(ConnectionId=id_, Data="pushed é".encode())
        assert socket_.recv(timeout=TIMEOUT) == "pushed é"
        description = api.get_connection(ConnectionId=id_)
        assert description["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "test/1.0"}
        assert description["ConnectedAt"] <= description["LastActiveAt"]
        assert api.delete_connection(ConnectionId=id_)["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert closing(socket_) == 1000
        for call, arguments in (
            (api.post_to_connection, {"Data": b"x"}),
            (api.get_connection, {}),
            (api.delete_connection, {}),
        ):
            with pytest.raises(ClientError, match="Gone") as gone:
                call(ConnectionId=id_, **arguments)
            assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410
    cloud.printed(f"disconnected {id_} 1000 Connection Closed Normally")


def test_one_http_connection_serves_many_calls(cloud: Running) -> None:
    http = HTTPConnection(urlsplit(cloud.url).netloc, timeout=TIMEOUT)
    with client(cloud) as socket_:
        path = f"/prod/@connections/{quote(connection_id(socket_))}"
        for number in range(3):
            http.request("POST", path, str(number).encode())
            assert http.getresponse().read() == b""
            assert socket_.recv(timeout=TIMEOUT) == str(number)
    http.close()


# The end of a connection.


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (1000, "", "1000 Connection Closed Normally"),
        (4001, "mine", "4001 mine"),
    ],
)
def test_disconnect_hears_the_clients_code_and_reason(cloud: Running, code: int, reason: str, told: str) -> None:
    with client(cloud) as socket_:
        id_ = connection_id(socket_)
        socket_.close(code, reason)
    cloud.printed(f"disconnected {id_} {told}")


def test_nothing_listens_beyond_the_loopback_interface(cloud: Running) -> None:
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    pids = [cloud.process.pid, *children(cloud.process.pid)]
    ours = [line for line in listening.splitlines() if any(f"pid={pid}," in line for pid in pids)]
    assert len(ours) >= 3, "the gateway, the AWS endpoint, and a worker's Runtime API"
    assert all(line.split()[3].startswith("127.0.0.1:") for line in ours)


def test_a_worker_that_is_killed_is_reaped_and_replaced(cloud: Running) -> None:
    with client(cloud) as socket_:
        pid = int(ask(socket_, "pid"))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{pid}").exists(), "the end of the worker")
        assert ask(socket_, "still here") == "still here"
    cloud.printed("Runtime exited: signal SIGKILL")
