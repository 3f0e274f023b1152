"""Templates that nobody here wrote, with the independent client `websockets`."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from localcloud.testing import Running, eventually, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

TEMPLATES = Path(__file__).with_name("templates")
KEYS: Any = {"region_name": "us-east-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}


class Backend(ThreadingHTTPServer):
    """A plain HTTP server: it knows connections by header, and answers messages through @connections."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connected: list[str] = []
        self.management = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Backend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = 200
        if self.path.startswith("/connect"):
            status = 401 if "refuse" in self.path else 200
            assert self.headers["Secret"] == "sesame"
            self.server.connected.append(self.headers["connectionId"])
        else:
            message = json.loads(body)
            # On AWS this is https://{domainName}/{stage}; here it is where the same API is.
            assert message["domainName"].endswith(".execute-api.us-east-1.amazonaws.com")
            assert message["stage"] == "live"
            client = boto3.client("apigatewaymanagementapi", endpoint_url=self.server.management, **KEYS)
            client.post_to_connection(ConnectionId=message["connectionId"], Data=message["body"].encode())
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Backend]:
    with Backend() as backend:
        thread = threading.Thread(target=backend.serve_forever)
        thread.start()
        try:
            yield backend
        finally:
            backend.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with serving() as backend:
        yield backend


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[Running]:
    template = ("--template", str(TEMPLATES / "http.yaml"), "--parameter", f"BackendUrl={backend.url}")
    folder = tmp_path_factory.mktemp("http")
    with running(folder, *template, "--set", "verify_signatures=true") as cloud:
        backend.management = cloud.management
        yield cloud


def test_a_plain_http_server_is_told_of_connections_and_replies_through_connections(
    http: Running, backend: Backend
) -> None:
    with connect(http.url) as client:
        for text in ("hello", 'it\'s "quoted" \\ \u00e9 \n', '{"action":"anything"}'):
            client.send(text)
            assert client.recv(timeout=60) == text
        assert len(backend.connected[-1]) == 16


def test_the_http_servers_refusal_is_the_handshakes_status(http: Running) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"{http.url}?refuse"):
        pass
    assert refused.value.response.status_code == 401


def test_what_is_not_run_is_named_once(http: Running) -> None:
    assert [line for line in http.lines if "S3" in line] == ["localcloud: AWS::S3::Bucket does not run here: Page"]


def test_the_access_log_can_be_read(http: Running) -> None:
    with connect(http.url) as client:
        client.send("logged")
        assert client.recv(timeout=60) == "logged"
    logs = boto3.client("logs", endpoint_url=http.aws, **KEYS)

    def lines() -> list[dict[str, Any]]:
        try:
            events = logs.filter_log_events(logGroupName="/api/access")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(event["message"]) for event in events]

    routes = eventually(lambda: {line["route"] for line in lines()} >= {"$connect", "$default"} and lines(), "lines")
    assert {line["status"] for line in routes} <= {200, 401}


def test_management_calls_need_a_valid_signature_when_set_so(http: Running) -> None:
    wrong = {**KEYS, "aws_secret_access_key": "guessed"}
    client = boto3.client("apigatewaymanagementapi", endpoint_url=http.management, **wrong)
    with pytest.raises(client.exceptions.ForbiddenException):
        client.get_connection(ConnectionId="R0oXAdfD0kwCH6w=")
    right = boto3.client("apigatewaymanagementapi", endpoint_url=http.management, **KEYS)
    with pytest.raises(right.exceptions.GoneException):
        right.get_connection(ConnectionId="R0oXAdfD0kwCH6w=")


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    template = ("--template", str(TEMPLATES / "functions.json"), "--parameter", "Greeting=salut")
    with running(tmp_path_factory.mktemp("functions"), *template) as cloud:
        yield cloud


def test_a_foreign_functions_own_calls_to_its_api_arrive_here(functions: Running) -> None:
    with connect(f"{functions.url}?token=let%20me%20in") as client:
        client.send("hi")
        said = json.loads(client.recv(timeout=60))
    assert (said["greeting"], said["said"]) == ("salut", "hi")
    authorizer = said["authorizer"]
    assert (authorizer["principalId"], authorizer["plan"]) == ("somebody", "free")
    assert isinstance(authorizer["integrationLatency"], int)


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 401), ("?token=", 401), ("?token=unknown", 401), ("?token=no", 403), ("?token=broken", 500)],
)
def test_an_authorizer_decides_about_the_handshake(functions: Running, query: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"{functions.url}{query}"):
        pass
    assert refused.value.response.status_code == status


def test_a_custom_domain_has_its_key_in_the_urls(functions: Running) -> None:
    """A handler that builds its callback's URL with the stage fails, as on AWS."""
    address = ("127.0.0.1", urlsplit(functions.url).port or 0)
    host = f"chat.example.com:{address[1]}"

    def by_domain(base: str) -> ClientConnection:
        sock = socket.create_connection(address)
        return connect(f"ws://{host}/{base}?token=let%20me%20in", sock=sock, proxy=None)

    def status(path: str) -> int:
        http = HTTPConnection(*address, timeout=60)
        http.request("GET", path, headers={"Host": host})
        status = http.getresponse().status
        http.close()
        return status

    with by_domain("v1") as client:
        client.send("hi")
        error = json.loads(client.recv(timeout=60))
        assert error["message"] == "Internal server error"
        id_ = quote(error["connectionId"])
        assert (status(f"/v1/@connections/{id_}"), status(f"/dev/@connections/{id_}")) == (200, 403)
    with pytest.raises(InvalidStatus) as refused:
        by_domain("dev")
    assert refused.value.response.status_code == 403
