"""The variants behind the gateway as they are deployed: they scale, lose pods, and believe nobody but the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from client import Client, Message
from client.core import Times
from localcloud.testing import Running, running
from tests.faults.ledger import Ledger
from tests.processes import eventually
from tests.synthesized import synthesized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.asyncio.client import ClientConnection

pytestmark = pytest.mark.slow

CLIENTS = 200
# A minute of the cloud's clock is four seconds here: autoscalers and drains take their own minutes.
SCALE = 15
# Each client sends a message every so many seconds, evenly spread, which one pod is enough for: of the 60 messages a
# minute that a pod is meant to take, 200 sends with their replies and deliveries are 40.
QUIET = 60.0
# So many more ask again a moment after they are answered, which is enough for six, and leaves no backlog.
CHATTERERS, PAUSE = 20, 0.05


class Fleet:
    """What the ready file says of a cloud's pods, now."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ready.json"

    def pods(self) -> list[dict[str, Any]]:
        (fleet,) = json.loads(self._file.read_text())["fleets"]
        return list(fleet["pods"])

    def ready(self) -> list[dict[str, Any]]:
        return [pod for pod in self.pods() if pod["ready"]]


def pods(folder: Path, *options: str, **context: object) -> contextlib.AbstractContextManager[Running]:
    # Clients that ask as fast as they are answered would meet the stage's throttle instead of the pods.
    limits = {"message_rate": 0, "throttle_rate": 100_000, "throttle_burst": 100_000}
    assembly = synthesized(folder, backends="eks", **limits, **context)
    return running(folder, "--assembly", str(assembly), "--backends", "eks", *options)


# --- the fleet comes and goes ---------------------------------------------------------------------------------------


class Crowd:
    """Clients that talk to one another all the time, and hold on to their connections."""

    def __init__(self, url: str) -> None:
        self.ledger = Ledger()
        # Nobody gives up on a request, or on a connection, because this machine is slow.
        self.clients = [Client(url, times=Times(retry=5, dead=120)) for _ in range(CLIENTS)]
        self._tasks: list[asyncio.Task[None]] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Crowd:
        for start in range(0, CLIENTS, 10):
            group = self.clients[start : start + 10]
            await asyncio.gather(*(self._stack.enter_async_context(client) for client in group))
        for number, client in enumerate(self.clients):
            self._tasks += [asyncio.create_task(self._listen(client)), asyncio.create_task(self._talk(number))]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        end = time.monotonic() + 150
        while not condition():
            assert time.monotonic() < end, f"never: {what}"
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)

    async def _talk(self, number: int) -> None:
        """Send to one that is half a round away, which notes what it hears."""
        to = self.clients[(number + CLIENTS // 2) % CLIENTS]
        await asyncio.sleep(number * QUIET / CLIENTS)
        for count in range(10_000):
            name = f"{number}/{count}"
            self.ledger.sent.add(name)
            await self.clients[number].send(to.session_id, {"name": name})
            self.ledger.acknowledged.add(name)
            await asyncio.sleep(QUIET)

    async def _listen(self, client: Client) -> None:
        async for event in client:
            assert isinstance(event, Message)
            self.ledger.heard[id(client), event.data["name"]] += 1


async def chatter(url: str) -> None:
    async with connect_async(url, open_timeout=60) as socket:
        while True:
            await socket.send('{"action":"ping"}')
            await socket.recv()
            await asyncio.sleep(PAUSE)


def test_clients_keep_their_connections_and_messages_while_the_fleet_goes_from_1_to_6_to_1(
    tmp_path: Path,
) -> None:
    options = ("--time-scale", str(SCALE), "--set", "idle=72000", "--set", "lifetime=72000")
    sizes = {"min_replicas": 1, "max_replicas": 6, "messages_per_replica": 1}

    async def run(cloud: Running, fleet: Fleet) -> None:
        async with Crowd(cloud.url) as crowd:
            chattering = [asyncio.create_task(chatter(cloud.url)) for _ in range(CHATTERERS)]
            await crowd.until(lambda: len(fleet.ready()) == 6, "six pods")
            for task in chattering:
                task.cancel()
            await asyncio.wait(chattering)
            assert all(task.cancelled() for task in chattering), "nothing else ended them"
            await crowd.until(lambda: len(fleet.pods()) == 1, "one pod")
            await crowd.until(lambda: not crowd.ledger.lost, "all that was acknowledged")
            assert [client.reconnects for client in crowd.clients] == [0] * CLIENTS
            assert crowd.ledger.repeated == 0
            assert len(crowd.ledger.acknowledged) >= CLIENTS

    with pods(tmp_path, *options, session_seconds=86_400, **sizes) as cloud:
        assert len(Fleet(tmp_path).pods()) == 1
        asyncio.run(run(cloud, Fleet(tmp_path)))
        assert cloud.printed("[eks] 1 -> ")
        assert cloud.printed(" -> 1 pod: MessageCount ")


# --- a pod is killed ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pods")


@pytest.fixture(scope="module")
def cloud(folder: Path) -> Iterator[Running]:
    with pods(folder, "--set", "account_rate=100000", "--set", "account_burst=100000", min_replicas=2) as cloud:
        eventually(lambda: len(Fleet(folder).ready()) == 2, "both ready")
        yield cloud


@pytest.fixture
def fleet(folder: Path, cloud: Running) -> Fleet:  # noqa: ARG001 - it has to run
    return Fleet(folder)


def test_a_killed_pod_costs_at_most_the_requests_it_had_each_with_an_error_frame(cloud: Running, fleet: Fleet) -> None:
    """Each client has one request under way at a time, so it may lose one; all of them stay connected."""

    async def talk(socket: ClientConnection, end: asyncio.Event) -> tuple[int, int]:
        answers = errors = 0
        while not (end.is_set() and answers):
            await socket.send("hello")
            answer = await asyncio.wait_for(socket.recv(), 60)
            if answer == "hello":
                answers += 1
            else:
                assert json.loads(answer)["message"] == "Internal server error"
                errors += 1
        return answers, errors

    async def run() -> list[tuple[int, int]]:
        end = asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(connect_async(cloud.url)) for _ in range(20)]
            talking = [asyncio.create_task(talk(socket, end)) for socket in sockets]
            await asyncio.sleep(1)  # in the midst of it
            pod = fleet.ready()[0]
            os.kill(pod["pid"], signal.SIGKILL)
            restarted = lambda: [one for one in fleet.ready() if one["name"] == pod["name"] and one["restarts"]]  # noqa: E731
            await asyncio.to_thread(eventually, restarted, "it is back")
            end.set()
            return await asyncio.gather(*talking)

    counts = asyncio.run(run())
    assert all(errors <= 1 for _, errors in counts), counts
    assert sum(errors for _, errors in counts) > 0, "it had some"


# --- whom pods believe ----------------------------------------------------------------------------------------------

FORGED = {
    "X-Duplex-Secret": "forged",
    "X-Duplex-Api-Id": "forged",
    "X-Duplex-Domain-Name": "forged.example.com",
    "X-Duplex-Stage": "forged",
    "X-Duplex-Connection-Id": "forged=",
    "X-Duplex-Connected-At": "1",
    "X-Duplex-Route-Key": "forged",
    "X-Duplex-Request-Id": "forged",
    "X-Duplex-Message-Id": "forged",
    "X-Duplex-Source-Ip": "6.6.6.6",
    "X-Duplex-User-Agent": "forged",
    "X-Duplex-Principal": "forged",
    "X-Duplex-Disconnect-Code": "1000",
    "X-Duplex-Disconnect-Reason": "forged",
}


def aws(cloud: Running, service: str) -> Any:
    make: Any = boto3.client
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    return make(service, endpoint_url=cloud.aws, region_name=cloud.ready["region"], **keys)


def items(cloud: Running) -> list[Any]:
    dynamodb = aws(cloud, "dynamodb")
    (table,) = dynamodb.list_tables()["TableNames"]
    return list(dynamodb.scan(TableName=table)["Items"])


def ask(client: Any, **message: Any) -> Any:
    client.send(json.dumps(message))
    return json.loads(client.recv(timeout=60))


def test_a_clients_own_copy_of_what_the_gateway_says_is_not_believed(cloud: Running) -> None:
    with connect(cloud.url) as victim:
        session = ask(victim, action="session")
        rows = [item for item in items(cloud) if session["sessionId"] in str(item)]
        assert rows
        with connect(cloud.url, additional_headers=FORGED) as client:
            own = ask(client, action="session")
            assert own["sessionId"] != session["sessionId"]
            told = {name.removeprefix("X-Duplex-"): value for name, value in FORGED.items()}
            assert ask(client, action="ping", connectionId="forged=", headers=FORGED, **told) == {"type": "pong"}
            assert "forged" not in str(items(cloud))
            assert "6.6.6.6" not in str(items(cloud))
        assert ask(victim, action="ping") == {"type": "pong"}


def call(pod: dict[str, Any], path: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(pod["address"], 8080, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", path, b"hello", headers)
        return connection.getresponse().status


@pytest.mark.parametrize("path", ["/connect", "/message", "/disconnect"])
def test_a_request_straight_to_a_pod_is_refused(fleet: Fleet, path: str) -> None:
    pod = fleet.ready()[0]
    assert call(pod, path, {}) == 403
    assert call(pod, path, FORGED) == 403


@pytest.mark.parametrize("path", ["/connect", "/message", "/disconnect"])
def test_who_knows_the_secret_may_speak_for_this_api_at_this_host_alone(
    cloud: Running, fleet: Fleet, path: str
) -> None:
    pod = fleet.ready()[0]
    lines = Path(f"/proc/{pod['pid']}/environ").read_text().split("\0")
    settings = dict(line.split("=", 1) for line in lines if line)
    secrets = aws(cloud, "secretsmanager")
    genuine = {
        **FORGED,
        "X-Duplex-Connection-Id": f"{path[1:]}=",
        "X-Duplex-Secret": secrets.get_secret_value(SecretId=settings["GATEWAY_SECRET_ARN"])["SecretString"],
        "X-Duplex-Api-Id": settings["API_ID"],
        "X-Duplex-Domain-Name": settings["DOMAIN_NAME"],
        "X-Duplex-Connected-At": str(round(time.time() * 1000)),
    }
    assert call(pod, path, {**genuine, "X-Duplex-Api-Id": "zyxwvu4321"}) == 403
    assert call(pod, path, {**genuine, "X-Duplex-Domain-Name": "zyxwvu4321.execute-api.eu-west-1.amazonaws.com"}) == 403
    assert f"{path[1:]}=" not in str(items(cloud))
    assert call(pod, path, genuine) == 200
