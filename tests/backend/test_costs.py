"""What each route costs in DynamoDB: compare/cost/dynamodb.json, which the cost model reads, is counted here.

`python -m tests.backend.test_costs` writes it anew.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.records import Connection
from backend.work import Worker
from tests.backend.capacity import Bill
from tests.backend.support import (
    NOW,
    TABLE,
    TOUCH_SECONDS,
    App,
    FakeMetrics,
    FakeOutbound,
    FakeQueue,
    table,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

FILE = Path(__file__).parents[2] / "tools" / "compare" / "src" / "compare" / "cost" / "dynamodb.json"

ANN, BOB, NEW = (Connection(f"L0SM9cOFvHcC{name}=", NOW) for name in ("ann", "bob", "new"))
DATA = "x" * 200


def counted(client: "DynamoDBClient") -> dict[str, Any]:
    """Every step of a story in which each route has its plain case, and what it costs."""
    queue, metrics = FakeQueue(), FakeMetrics()
    app = App(client, FakeOutbound(), queue, metrics)
    other = App(client, FakeOutbound(), queue, metrics)
    bill = Bill(client, TABLE)
    steps: dict[str, Any] = {}

    def note(name: str) -> None:
        steps[name] = bill.as_dict()
        bill.clear()

    def ask(name: str, connection: Connection = ANN, now: float = NOW, app: App = app, **message: Any) -> Any:
        reply = app.ask(connection, now, **message)
        note(name)
        return reply

    due = NOW + TOUCH_SECONDS
    app.sessions.begin(ANN, NOW)
    note("connect")
    app.sessions.begin(BOB, NOW)
    bill.clear()
    app.router.message(ANN, "hello", NOW)
    note("message")
    ask("ping", action="ping")
    app.router.message(ANN, "hello", due)
    note("message, touch due")
    other.router.message(ANN, "hello", due)
    note("message, touched by another host")
    token = ask("session", action="session")["resumeToken"]
    ask("join, never published to", action="join", room="r")
    ask("publish, first of a room", action="publish", room="r", data=DATA)
    ask("publish", action="publish", room="r", data=DATA)
    ask("publish with an id", action="publish", room="r", data=DATA, id="a")
    ask("publish again with that id", action="publish", room="r", data=DATA, id="a")
    ask("join", BOB, action="join", room="r")
    ask("join after 1 of 3", BOB, action="join", room="r", epoch=0, after=1)
    ask("send, first to a session", BOB, action="send", to=ANN.session_id, data=DATA)
    ask("send", BOB, action="send", to=ANN.session_id, data=DATA)
    ask("work", action="work", data=DATA, id="w")
    Worker(app.messaging, metrics).run(queue.bodies[-1], NOW)
    note("work done")
    ask("leave", BOB, action="leave", room="r")
    app.presence.ended(BOB, NOW)
    note("disconnect")
    app.presence.ended(ANN, NOW)
    note("disconnect, in a room")
    app.sessions.begin(NEW, NOW)
    bill.clear()
    ask("resume, in a room", NEW, action="session", resume=token, after=3)
    app.router.message(NEW, "hello", due)
    note("message of a resumed session, touch due")
    ask("publish of a resumed session", NEW, action="publish", room="r", data=DATA)
    return steps


def test_what_is_written_down_is_what_is_counted(client: "DynamoDBClient") -> None:
    assert json.loads(FILE.read_text())["routes"] == counted(client), "python -m tests.backend.test_costs"


def test_a_steady_stream_of_messages_costs_nothing(client: "DynamoDBClient") -> None:
    steps = counted(client)
    for name in ("message", "ping"):
        assert steps[name] == {"calls": {}, "readUnits": 0, "writeUnits": 0}


def main() -> None:
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")  # any: moto stands in its place
    with table() as client:
        routes = counted(client)
    about = "requests and on-demand units of each route, counted by tests/backend/test_costs.py; data of 200 bytes"
    FILE.write_text(json.dumps({"about": about, "routes": routes}, indent=1) + "\n")


if __name__ == "__main__":
    main()
