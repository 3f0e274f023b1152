"""One publish to a room that every client of a pod is in."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from typing import Any

import boto3

from backend.dynamodb_rooms import DynamoDBMembers
from backend.records import Member
from tests.benchmarks.peers import cpu_seconds
from tests.benchmarks.sockets.clients import Crowd, progress
from tests.benchmarks.sockets.servers import eventually_quiet, sessions
from tests.e2e.socket_pods.fleet import KEYS, Fleet

ROOM = "everybody"


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
