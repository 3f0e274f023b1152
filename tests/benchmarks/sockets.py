"""What pods that hold sockets cost: `python -m tests.benchmarks.sockets`.

Echo: CPU a message of the pod's process, routing included, beside Node's `ws` and bare picows; 64 clients that wait for
each answer, rounds interleaved, medians. Newcomers: how long many take to connect, 200 at a time, to a server that 500
others keep busy; a pod writes their sessions. Idle: so many silent sockets over four pods, each with its session in
the table, counted there and at the clients; memory of the process, and of the kernel, whose two ends of a connection
count as one each. Fan-out: one publish to a room that everybody is in. Linux only: it reads /proc.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import boto3
import typer
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect, ws_create_server

from backend.dynamodb_rooms import DynamoDBMembers
from backend.records import Member
from tests.benchmarks.gateway import resident
from tests.benchmarks.peers import cpu_seconds
from tests.e2e.socket_pods.fleet import KEYS, Fleet
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

TEXT, PING = "x" * 64, '{"action":"ping","id":1}'
ROOM = "everybody"
NODE = """
const { WebSocketServer } = require('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 1024, perMessageDeflate: false }, () =>
  console.log(server.address().port));
server.on('connection', socket => socket.on('message', (data, binary) => socket.send(data, { binary })));
"""
_GRACE = 120
_BUSY = 500


@contextmanager
def served(*command: str) -> Iterator[tuple[str, int]]:
    """A server that prints its port: its URL and its process."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield f"ws://127.0.0.1:{int(process.stdout.readline())}", process.pid
        finally:
            process.terminate()


async def bare() -> None:
    """picows that echoes."""

    class Echo(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type == WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            else:
                transport.send(frame.msg_type, frame.get_payload_as_bytes())

    server = await ws_create_server(
        lambda _: Echo(),
        "127.0.0.1",
        0,
        backlog=1024,
        read_buffer_init_size=1024,
        use_aiofastnet=False,
        logger_name="bare",
    )
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


class Asking(WSListener):
    """A client that sends its next message when the last one has been answered."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.answered = 0
        self.going = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def ask(self) -> None:
        """Begin."""
        self.going = True
        self.transport.send(WSMsgType.TEXT, self.text.encode())

    def on_ws_frame(self, transport: WSTransport, _frame: WSFrame) -> None:
        self.answered += 1
        if self.going:
            transport.send(WSMsgType.TEXT, self.text.encode())


@asynccontextmanager
async def busy(url: str, text: str, connections: int) -> AsyncIterator[list[Asking]]:
    """Clients that ask without a pause: sessions are written, code is warm."""
    asking = [Asking(text) for _ in range(connections)]
    for client in asking:
        await ws_connect(lambda client=client: client, url)
        client.ask()
    while not all(client.answered for client in asking):  # noqa: ASYNC110 - outside of what is measured
        await asyncio.sleep(0.1)
    yield asking
    for client in asking:
        client.going = False
        client.transport.disconnect()


async def round_trips(url: str, pid: int, text: str, connections: int, seconds: float) -> tuple[float, float]:
    """CPU microseconds of a process for each round trip, and round trips a second: connecting does not count."""
    async with busy(url, text, connections) as asking:
        before, cpu, began = sum(client.answered for client in asking), cpu_seconds([pid]), time.perf_counter()
        await asyncio.sleep(seconds)
        answered = sum(client.answered for client in asking) - before
        used, took = cpu_seconds([pid]) - cpu, time.perf_counter() - began
    return used / answered * 1e6, answered / took


async def letting_in(url: str, connections: int, count: int) -> float:
    """Seconds until so many newcomers are connected."""

    def come() -> float:
        host, port = url.removeprefix("ws://").split(":")
        with Crowd((host, int(port)), count) as crowd:
            return crowd.hear()["seconds"]

    async with busy(url, TEXT, connections):
        return await asyncio.to_thread(come)


@contextmanager
def servers() -> Iterator[tuple[Fleet, dict[str, tuple[str, int]]]]:
    """Those that echo: URL and process of each; the pod's is the fleet's."""
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(1, message_rate=1_000_000, drain_seconds=0))
        yield (
            fleet,
            {  # messages are counted, and none is refused
                "a pod": (fleet.pods[0].url, fleet.pods[0].process.pid),
                "Node ws": stack.enter_context(served("node", "-e", NODE)),
                "bare picows": stack.enter_context(served(sys.executable, "-m", "tests.benchmarks.sockets", "--bare")),
            },
        )


def echo(rounds: int, seconds: float) -> list[dict[str, Any]]:
    """CPU microseconds a message, and messages a second, of each server."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with servers() as (_, all_):
        for round_ in range(rounds):
            progress(f"echo, round {round_ + 1} of {rounds}")
            for name, (url, pid) in all_.items():
                for kind, text in ("64 bytes", TEXT), ("ping", PING):
                    found.setdefault((name, kind), []).append(uvloop.run(round_trips(url, pid, text, 64, seconds)))
    return [
        {
            "server": name,
            "message": kind,
            "cpu_us": statistics.median(cpu for cpu, _ in figures),
            "per_second": statistics.median(rate for _, rate in figures),
        }
        for (name, kind), figures in found.items()
    ]


def newcomers(rounds: int, count: int) -> list[dict[str, Any]]:
    """Seconds in which each server, busy as it is, lets them in."""
    found: dict[str, list[float]] = {}
    with servers() as (fleet, all_):
        for round_ in range(rounds):
            progress(f"newcomers, round {round_ + 1} of {rounds}")
            for name, (url, _) in all_.items():
                found.setdefault(name, []).append(uvloop.run(letting_in(url, _BUSY, count)))
                eventually_quiet(fleet)  # sessions are let go of
    return [{"server": name, "seconds": statistics.median(seconds)} for name, seconds in found.items()]


class Crowd:
    """`tests.benchmarks.crowd` as a process."""

    def __init__(self, address: tuple[str, int], count: int) -> None:
        host, port = address
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.crowd", host, str(port), str(count)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def say(self, line: str) -> None:
        """Ask for something."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, float]:
        """The answer, to the opening at first."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a crowd of clients has ended")
        answer: dict[str, float] = json.loads(line)
        return answer


def kernel_memory() -> float:
    """KiB that the kernel holds in sockets and what belongs to them, descriptors among it."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    stat = Path("/proc/net/sockstat").read_text().split()
    pages = int(stat[stat.index("TCP:") + stat[stat.index("TCP:") :].index("mem") + 1])
    return float(lines["Slab"].split()[0]) + pages * resource.getpagesize() / 1024


def sessions(fleet: Fleet) -> dict[str, str]:
    """Session ids and the connections that hold them, as boto3 reads them."""
    found: dict[str, str] = {}
    for page in fleet.client("dynamodb").get_paginator("scan").paginate(TableName=fleet.table, ConsistentRead=True):
        for item in page["Items"]:
            if item["sk"]["S"] == "session" and "connectionId" in item:
                found[item["pk"]["S"]] = item["connectionId"]["S"]
    return found


def idle(count: int, pods: int) -> dict[str, Any]:
    """So many silent sockets: what they take, and how they end."""
    each = count // pods
    with ExitStack() as stack:
        options: dict[str, Any] = {
            "max_connections": each,
            "drain_seconds": 10,
            "grace_seconds": _GRACE,
            "close_seconds": 60,
        }
        fleet = stack.enter_context(Fleet(0, **options))
        for number in range(pods):
            fleet.add(host=f"127.0.0.{number + 2}")
        memory, kernel = [resident(pod.process.pid) for pod in fleet.pods], kernel_memory()
        progress(f"idle, opening {count}")
        began = time.time()
        crowds = [stack.enter_context(Crowd(pod.address, each)) for pod in fleet.pods]
        for crowd in crowds:
            crowd.hear()
        opened = time.time() - began
        eventually_quiet(fleet)
        attached = time.time() - began
        active = fleet.active()
        if active != count:
            raise SystemExit(f"{active:.0f} of {count} sockets are left: {endings(fleet)}")
        grown = [resident(pod.process.pid) - before for pod, before in zip(fleet.pods, memory, strict=True)]
        kernel = (kernel_memory() - kernel) / (2 * count)
        progress("idle, pinging")
        for crowd in crowds:
            crowd.say("ping")
        pongs = sum(crowd.hear()["heard"] for crowd in crowds)
        progress("idle, reading sessions")
        unique = len(sessions(fleet))
        progress("idle, draining")
        began = time.time()
        for pod in fleet.pods:
            pod.process.send_signal(signal.SIGTERM)
        codes: dict[str, float] = {}
        for crowd in crowds:
            crowd.say("closed")
        for crowd in crowds:
            for code, ended in crowd.hear().items():
                codes[code] = codes.get(code, 0) + ended
        drained = time.time() - began
        left = fleet.active()
        statuses = [pod.process.wait(_GRACE) for pod in fleet.pods]
        return {
            "sockets": count,
            "pods": pods,
            "active": active,
            "open_seconds": opened,
            "attached_seconds": attached,
            "process_kib": sum(grown) / count,
            "kernel_kib": kernel,
            "sessions": unique,
            "pongs": pongs,
            "close_codes": codes,
            "drain_seconds": drained,
            "gauge_after": left,
            "exit_statuses": statuses,
            "exit_seconds": time.time() - began,
        }


def endings(fleet: Fleet) -> str:
    """Why sockets have ended, and what the pods say last."""
    lines = [line for pod in fleet.pods for line in pod.get("metrics", "/metrics")[1].splitlines()]
    reasons = [
        line for line in lines if line.startswith(("ws_connections_ended_total{", "ws_handshakes_refused_total{"))
    ]
    return "\n".join([*reasons, *(line[:300] for pod in fleet.pods for line in pod.lines[-2:])])


def eventually_quiet(fleet: Fleet) -> None:
    """Wait until every session that was begun is written."""
    before = -1.0
    while True:
        now = sum(pod.figure("ws_route_seconds_count") for pod in fleet.pods)
        if now == before:
            return
        before = now
        time.sleep(1)


def fan_out(count: int, rounds: int) -> dict[str, Any]:
    """One publish to a room of all clients of one pod."""
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(1, max_connections=count, max_members=count, drain_seconds=0))
        (pod,) = fleet.pods
        crowd = stack.enter_context(Crowd(pod.address, count))
        progress(f"fan-out, opening {count}")
        crowd.hear()
        eventually_quiet(fleet)
        progress("fan-out, joining")
        # Put in by the store's own function: joins through the pod count the members of the room each time.
        make: Any = boto3.client
        keys = {name.lower(): value for name, value in KEYS.items() if "KEY" in name}
        members = DynamoDBMembers(
            make("dynamodb", endpoint_url=fleet.aws, region_name=KEYS["AWS_REGION"], **keys), fleet.table
        )
        for session, connection in sessions(fleet).items():
            member = Member(session.partition("#")[2], connection)
            members.add(ROOM, member, 1, int(time.time()) + 7200)
        cpu: list[float] = []
        last: list[float] = []
        for round_ in range(5 * rounds):
            if len(cpu) == rounds:
                break
            progress(f"fan-out, round {len(cpu) + 1} of {rounds}")
            before = cpu_seconds([pod.process.pid])
            crowd.say(f"publish {ROOM}")
            answer = crowd.hear()
            if answer["heard"] != count:
                raise SystemExit(f"{answer['heard']} of {count} have heard it")
            if round_ and answer["attempts"] == 1:  # the first makes clients and connections
                cpu.append((cpu_seconds([pod.process.pid]) - before) / count * 1e6)
                last.append(answer["seconds"])
        if not cpu:
            raise SystemExit("no publish was answered at once: the machine is too busy")
        return {
            "clients": count,
            "rounds": len(cpu),
            "cpu_us": statistics.median(cpu),
            "last_seconds": statistics.median(last),
        }


def progress(text: str) -> None:
    """What is going on."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def show(found: dict[str, Any]) -> None:
    """The tables of docs/benchmarks.md."""
    if rows := found.get("echo"):
        base = {row["message"]: row["cpu_us"] for row in rows if row["server"] == "Node ws"}
        print("| server | message | CPU us a message | ratio | messages/s |\n|---|---|---|---|---|")  # noqa: T201
        for row in rows:
            ratio = row["cpu_us"] / base[row["message"]]
            cells = (row["server"], row["message"], f"{row['cpu_us']:.1f}", f"{ratio:.2f}", f"{row['per_second']:.0f}")
            print(f"| {' | '.join(cells)} |")  # noqa: T201
    if rows := found.get("newcomers"):
        print("\n| server | seconds |\n|---|---|")  # noqa: T201
        for row in rows:
            print(f"| {row['server']} | {row['seconds']:.2f} |")  # noqa: T201
    for part in ("idle", "fan_out"):
        if part in found:
            print("\n| what | figure |\n|---|---|")  # noqa: T201
            for name, value in found[part].items():
                shown = f"{value:.1f}" if isinstance(value, float) else value
                print(f"| {name.replace('_', ' ')} | {shown} |")  # noqa: T201


def main(
    part: Annotated[str, typer.Option(help="echo, newcomers, idle or fan-out; all without.")] = "",
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of a round of echoes.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each.")] = 3,
    arriving: Annotated[int, typer.Option(min=1, help="How many newcomers come.")] = 1000,
    sockets: Annotated[int, typer.Option(min=4, help="How many are idle, over four pods.")] = 60_000,
    clients: Annotated[int, typer.Option(min=1, help="How many are in the room.")] = 9000,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    only_bare: Annotated[bool, typer.Option("--bare", hidden=True)] = False,
) -> None:
    """Measure pods that hold sockets."""
    if only_bare:
        uvloop.run(bare())
        return
    if part not in {"", "echo", "newcomers", "idle", "fan-out"}:
        raise typer.BadParameter("it is echo, newcomers, idle or fan-out", param_hint="--part")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what was started is stopped
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    found: dict[str, Any] = {}
    if part in {"", "echo"}:
        found["echo"] = echo(rounds, seconds)
    if part in {"", "newcomers"}:
        found["newcomers"] = newcomers(rounds, arriving)
    if part in {"", "idle"}:
        found["idle"] = idle(sockets, 4)
    if part in {"", "fan-out"}:
        found["fan_out"] = fan_out(clients, rounds)
    if as_json:
        print(json.dumps(found, indent=2))  # noqa: T201
    else:
        show(found)


if __name__ == "__main__":
    typer.run(main)
