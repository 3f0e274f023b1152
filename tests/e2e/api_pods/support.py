"""A pod as a process of its own, on a table of its own at the local AWS endpoint, and what API Gateway sends it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from tests.processes import PATIENCE, ROOT, eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

REGION = "eu-west-1"
API_ID = "abcdef1234"
DOMAIN_NAME = f"{API_ID}.execute-api.{REGION}.amazonaws.com"
SECRET = "the-value-that-is-shown-by-the-gateway"
KEYS = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": REGION}


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: dict[str, str]


def headers(**changes: str | None) -> list[tuple[str, str]]:
    """What the integration maps for a connection that has just opened; None leaves a header out."""
    said: dict[str, str | None] = {
        "secret": SECRET,
        "api_id": API_ID,
        "domain_name": DOMAIN_NAME,
        "stage": "prod",
        "connection_id": "Kx3fCdEFoAMCJpQ=",
        "connected_at": str(round(time.time() * 1000)),
        "route_key": "$default",
        "request_id": "Kx3fCEFoAMFqPQ=",
        "source_ip": "192.0.2.1",
        "user_agent": 'a "quoted" agent',
        "principal": "-",
        **changes,
    }
    return [(f"X-Duplex-{name.replace('_', '-').title()}", value) for name, value in said.items() if value is not None]


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes = b"",
    sent: Iterable[tuple[str, str]] = (),
) -> Answer:
    """One request on a connection that is kept."""
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in sent:
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    text = response.read().decode()
    return Answer(response.status, text, {name.lower(): value for name, value in response.getheaders()})


@dataclass
class Pod:
    """A process that runs `pods.api`."""

    environment: dict[str, str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "pods.api"],
            cwd=ROOT,
            env={"PATH": os.defpath, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def said(self, message: str) -> dict[str, Any]:
        """The line of the log with this message, once there is one."""

        def find() -> dict[str, Any] | None:
            for line in list(self.lines):
                with contextlib.suppress(ValueError):
                    entry: dict[str, Any] = json.loads(line)
                    if entry.get("message") == message:
                        return entry
            assert self.process.poll() is None, "\n".join(self.lines)
            return None

        found: dict[str, Any] = eventually(find, message)
        return found

    def connection(self) -> http.client.HTTPConnection:
        """A connection to its port."""
        return http.client.HTTPConnection("127.0.0.1", self.said("listening")["port"], timeout=PATIENCE)

    def ask(self, method: str, path: str, body: bytes = b"", sent: Iterable[tuple[str, str]] = ()) -> Answer:
        """One request on a connection of its own."""
        with contextlib.closing(self.connection()) as connection:
            return ask(connection, method, path, body, sent)

    def call(self, path: str, body: bytes = b"", **changes: str | None) -> Answer:
        """What the gateway asks."""
        return self.ask("POST", path, body, headers(**changes))

    def ready(self) -> Pod:
        """The pod itself, once it is ready."""
        eventually(lambda: self.ask("GET", "/readyz").status == 200, "ready")
        return self

    def figures(self) -> dict[str, float]:
        """What Prometheus reads, by name and labels."""
        port = self.said("listening")["metrics_port"]
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            text = ask(connection, "GET", "/metrics").body
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it, and give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Its exit status, once it has ended."""
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self._reader.join()
            if self.process.stdout is not None:
                self.process.stdout.close()


class Surroundings:
    """The AWS endpoint, with a table, a queue and a secret; starts pods, and stops what it has started."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "localcloud.aws.server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"port": 0, "account": "123456789012", "region": REGION, "clock": [time.time(), 1], "calls": []}
        self._process.stdin.write(json.dumps({**request, "faults": {}, "seed": 0}) + "\n")
        self._process.stdin.flush()
        self.port = int(json.loads(self._process.stdout.readline())["port"])
        self.aws = f"http://127.0.0.1:{self.port}"
        self.client("dynamodb").create_table(
            TableName="duplex",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        queue = self.client("sqs").create_queue(QueueName="duplex")["QueueUrl"]
        self.environment = {
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.aws,
            "AWS_REGION": REGION,
            "API_ID": API_ID,
            "BACKEND": "eks",
            "CONNECTIONS_URL": f"https://{DOMAIN_NAME}/prod",
            "DELIVERIES_URL": queue,
            "DOMAIN_NAME": DOMAIN_NAME,
            "GATEWAY_SECRET_ARN": self.secret(SECRET),
            "JOBS_URL": queue,
            "METRICS_PORT": "0",
            "PORT": "0",
            "POWERTOOLS_METRICS_NAMESPACE": "Duplex",
            "POWERTOOLS_SERVICE_NAME": "duplex",
            "TABLE_NAME": "duplex",
        }

    def client(self, service: str) -> Any:
        """A boto3 client."""
        make: Any = boto3.client
        return make(service, endpoint_url=self.aws, **KEYS)

    def secret(self, value: str) -> str:
        """A new secret; its ARN."""
        created = self.client("secretsmanager").create_secret(Name=uuid.uuid4().hex, SecretString=value)
        return str(created["ARN"])

    @contextlib.contextmanager
    def pod(self, **changes: str | None) -> Iterator[Pod]:
        """A pod with some variables replaced, or taken out."""
        environment = {**self.environment, **changes}
        pod = Pod({name: value for name, value in environment.items() if value is not None})
        try:
            yield pod
        finally:
            pod.stop(signal.SIGKILL)
        unexpected = ("Traceback", "Exception in", "Fatal error", "Task exception", "Future exception")
        assert [line for line in pod.lines if line.startswith(unexpected)] == [], "\n".join(pod.lines)

    def stop(self) -> None:
        """Stop the endpoint."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Gate:
    """Stands before a port: what is asked goes through, and answers wait until it is open."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def open(self) -> None:
        """Let answers through from now on."""
        self._open.set()

    def close(self) -> None:
        """End every connection."""
        self._open.set()
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                outer = self._listener.accept()[0]
                inner = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [outer, inner]
                for ends in ((outer, inner), (inner, outer)):
                    threading.Thread(target=self._pump, args=(*ends, ends[0] is inner), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, waits: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if waits:
                    self._open.wait()
                else:
                    self.asked += 1
                target.sendall(data)


def metrics_of(lines: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """What lines of embedded metrics say, by route and name."""
    found: dict[str, dict[str, list[float]]] = {}
    for line in lines:
        if '"_aws"' in line:
            entry = json.loads(line)
            names = [metric["Name"] for metric in entry["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
            for name in names:
                found.setdefault(entry["route"], {}).setdefault(name, []).extend(entry[name])
    return found
