"""The servers that are compared: a pod, Node's `ws`, and bare picows."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.e2e.socket_pods.fleet import Fleet
from tests.processes import ROOT

NODE_WS = "Node ws"
NODE = """
const { WebSocketServer } = require('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 1024, perMessageDeflate: false }, () =>
  console.log(server.address().port));
server.on('connection', socket => socket.on('message', (data, binary) => socket.send(data, { binary })));
"""


@contextmanager
def served(*command: str) -> Iterator[tuple[str, int]]:
    """A server that prints its port: its URL and its process."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield f"ws://127.0.0.1:{int(process.stdout.readline())}", process.pid
        finally:
            process.terminate()


@contextmanager
def servers() -> Iterator[tuple[Fleet, dict[str, tuple[str, int]]]]:
    """Those that echo: URL and process of each; the pod's is the fleet's."""
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(1, message_rate=1_000_000, drain_seconds=0))
        yield (
            fleet,
            {  # messages are counted, and none is refused
                "a pod": (fleet.pods[0].url, fleet.pods[0].process.pid),
                NODE_WS: stack.enter_context(served("node", "-e", NODE)),
                "bare picows": stack.enter_context(served(sys.executable, "-m", "tests.benchmarks.sockets.bare")),
            },
        )


def eventually_quiet(fleet: Fleet) -> None:
    """Wait until every session that was begun is written."""
    before = -1.0
    while True:
        now = sum(pod.figure("ws_route_seconds_count") for pod in fleet.pods)
        if now == before:
            return
        before = now
        time.sleep(1)


def sessions(fleet: Fleet) -> dict[str, str]:
    """Session ids and the connections that hold them, as boto3 reads them."""
    found: dict[str, str] = {}
    for page in fleet.client("dynamodb").get_paginator("scan").paginate(TableName=fleet.table, ConsistentRead=True):
        for item in page["Items"]:
            if item["sk"]["S"] == "session" and "connectionId" in item:
                found[item["pk"]["S"]] = item["connectionId"]["S"]
    return found
