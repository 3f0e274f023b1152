"""Pods as processes of their own, on a table of their own, behind one address."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from contextlib import ExitStack
from functools import cache
from typing import Any, Self

import boto3

from tests.processes import PATIENCE, Process, eventually, free_port

ACCOUNT, REGION = "123456789012", "eu-west-1"
KEYS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
REDIS = shutil.which("redis-server")


class Pod(Process):
    """One pod."""

    def __init__(self, **environment: str) -> None:
        ports = {"HOST": "127.0.0.1", "PORT": "0", "METRICS_PORT": "0", "ADMIN_PORT": "0", "BACKEND": "sockets"}
        super().__init__(sys.executable, "-m", "pods.sockets", environment={**ports, **environment})

    @property
    def address(self) -> tuple[str, int]:
        listening = self.said("listening")
        return listening["host"], listening["port"]

    @property
    def url(self) -> str:
        host, port = self.address
        return f"ws://{host}:{port}"

    def figure(self, name: str) -> float:
        """The sum of a metric's values, over all its labels."""
        text = self.get("metrics", "/metrics")[1]
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(map(float, values))

    def get(self, port: str, path: str, method: str = "GET") -> tuple[int, str]:
        """Ask one of its HTTP ports, `port`, `metrics` or `admin`: status and body."""
        listening = self.said("listening")
        host = "127.0.0.1" if port == "admin" else listening["host"]
        url = f"http://{host}:{listening[port]}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


class BusProcess:
    """A bus of pods: Redis, or our own broker. It may be stopped and started again on its port."""

    def __init__(self, *, redis: bool) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._redis = redis
        self.start()

    def start(self) -> None:
        """Start it."""
        if self._redis:
            assert REDIS is not None
            options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
            self._process = Process(REDIS, *options)
        else:
            self._process = Process(
                sys.executable, "-m", "localcloud.pods.broker", environment={"PORT": str(self.port)}
            )
        eventually(lambda: _listens(self.port), "the bus")

    def stop(self) -> None:
        """Kill it, if it runs."""
        self._process.stop()


class Balancer:
    """Takes connections in turn to targets that take them, as a network load balancer does."""

    def __init__(self) -> None:
        self.targets: list[tuple[str, int]] = []
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._open: dict[asyncio.Task[None], asyncio.Event] = {}
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._accept, "127.0.0.1", 0), self._loop
        ).result(PATIENCE)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            for _ in range(len(self.targets)):
                self._turn += 1
                target = self.targets[self._turn % len(self.targets)]
                with contextlib.suppress(OSError):
                    to_pod = await asyncio.open_connection(*target)
                    break
            else:
                return
            self._open[task] = silence = asyncio.Event()
            pumps = (_pump(reader, to_pod[1]), _pump(to_pod[0], writer))
            waits = (silence.wait(), self._ending.wait())
            ways = [asyncio.ensure_future(one) for one in (*pumps, *waits)]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            self._open.pop(task)
            if silence.is_set():
                await self._ending.wait()  # neither side is told
            to_pod[1].close()
        finally:
            self._connections.discard(task)
            writer.close()

    def silence(self, count: int, rng: random.Random) -> int:
        """Let so many connections stay open and carry nothing any more; how many there were to choose from, at most."""

        async def choose() -> int:
            chosen = rng.sample(list(self._open.values()), min(count, len(self._open)))
            for silence in chosen:
                silence.set()
            return len(chosen)

        return asyncio.run_coroutine_threadsafe(choose(), self._loop).result(PATIENCE)

    def close(self) -> None:
        """End every connection, and the thread."""

        async def end() -> None:
            self._server.close()
            self._ending.set()
            await asyncio.gather(*self._connections, return_exceptions=True)
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


class Fleet:
    """An AWS endpoint, a bus if there is more than one pod, the pods, and their balancer."""

    def __init__(self, pods: int = 1, *, redis: bool = False, **environment: object) -> None:
        self._stack = ExitStack()
        try:
            self._start(pods, redis=redis, environment=_variables(environment))
        except BaseException:
            self._stack.close()
            raise

    def _start(self, pods: int, *, redis: bool, environment: dict[str, str]) -> None:
        self.endpoint = endpoint()
        self.aws = f"http://127.0.0.1:{self.endpoint.said('port')}"
        self.table = f"duplex-{uuid.uuid4().hex}"
        self._environment = {
            **KEYS,
            "AWS_ENDPOINT_URL": self.aws,
            "TABLE_NAME": self.table,
            "JOBS_URL": self._create(),
            **environment,
        }
        self.bus = BusProcess(redis=redis) if pods > 1 else None
        if self.bus is not None:
            self._stack.callback(self.bus.stop)
            self._environment["BUS_URL"] = self.bus.url
        self.balancer = Balancer()
        self._stack.callback(self.balancer.close)
        self.pods: list[Pod] = []
        starting = [self._new() for _ in range(pods)]
        for pod in starting:
            self._add(pod)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        unexpected = ("Traceback", "Exception in", "Fatal error", "Task exception", "Future exception")
        for pod in self.pods:
            assert [line for line in pod.lines if line.startswith(unexpected)] == [], "\n".join(pod.lines)

    @property
    def url(self) -> str:
        return self.balancer.url

    @property
    def process(self) -> subprocess.Popen[str]:
        """That of the AWS endpoint."""
        return self.endpoint.process

    @property
    def ready(self) -> dict[str, str]:
        return {"region": REGION}

    def _create(self) -> str:
        """The table, and a queue, whose URL it gives."""
        keys = {"pk": "HASH", "sk": "RANGE"}
        self.client("dynamodb").create_table(
            TableName=self.table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        )
        # What a pod that ends has received and not done is there again after this time.
        attributes = {"VisibilityTimeout": "5"}
        return str(self.client("sqs").create_queue(QueueName=self.table, Attributes=attributes)["QueueUrl"])

    def start_bus(self) -> None:
        """Start the bus again."""
        assert self.bus is not None
        self.bus.start()

    def stop_bus(self) -> None:
        """Kill the bus."""
        assert self.bus is not None
        self.bus.stop()

    def _new(self, **more: object) -> Pod:
        pod = self.start(**more)
        self._stack.callback(pod.stop)
        return pod

    def _add(self, pod: Pod) -> None:
        self.balancer.targets.append(pod.address)
        self.pods.append(pod)
        if self.bus is not None:
            eventually(lambda: pod.figure("ws_bus_connected"), "the bus in the pod")

    def start(self, **environment: object) -> Pod:
        """A pod apart from the others: whoever starts it stops it."""
        return Pod(**{**self._environment, **_variables(environment)})

    def add(self, **environment: object) -> Pod:
        """One more pod."""
        pod = self._new(**environment)
        self._add(pod)
        return pod

    def remove(self, pod: Pod) -> None:
        """Send it no further connections."""
        self.balancer.targets.remove(pod.address)

    def active(self) -> float:
        """Sockets of all pods that run."""
        return sum(pod.figure("ws_connections_active") for pod in self.pods if pod.process.poll() is None)

    def client(self, service: str) -> Any:
        """A boto3 client."""
        make: Any = boto3.client
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": REGION}
        return make(service, endpoint_url=self.aws, **keys)


def _variables(values: dict[str, object]) -> dict[str, str]:
    return {name.upper(): str(value) for name, value in values.items()}


@cache
def endpoint() -> Process:
    """The AWS endpoint of all fleets of this test process, with which it ends."""
    request = {"port": 0, "account": ACCOUNT, "region": REGION, "clock": [time.time(), 1], "calls": []}
    return Process(sys.executable, "-m", "localcloud.aws.server", request={**request, "faults": {}, "seed": 0})


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
