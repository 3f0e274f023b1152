"""Whatever clients send, they get the protocol back, and `internal` never.

A thousand inputs a run; `FUZZ_INPUTS=100000 pytest -n 0 --timeout 3600 tests/backend/test_fuzz.py` for more.
"""

import json
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.actions import load
from backend.errors import ErrorCode
from backend.protocol import Reply
from backend.records import Connection
from backend.work import Worker
from tests.backend.support import NOW, App, FakeMetrics, FakeOutbound, FakeQueue

INPUTS = int(os.environ.get("FUZZ_INPUTS", "1000"))
BATCH = 25  # inputs of one example, on one set of connections

CONNECTIONS = [Connection(f"{name}=", NOW) for name in "abc"]
ROUTES = {"$default", "work-done", *load()}
REPLIES = {str(reply.__struct_config__.tag) for reply in Reply.__subclasses__()}
PUSHED = {"message", "result", "taken-over", "joined", "session"}
TROUBLE = {ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE, ErrorCode.RATE}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
actions = st.sampled_from(sorted(ROUTES)) | values
places = st.integers(0, 9) | st.integers() | values
ids = st.sampled_from(["a", "b", 1, 2**63, -1, "", "x" * 129]) | values
rooms = st.sampled_from(["r", "s", "t", "u", "\N{PILE OF POO}", "", "#", "x" * 129]) | values
sessions = st.sampled_from([connection.session_id for connection in CONNECTIONS]) | values
tokens = st.sampled_from(["$TOKEN"]) | values
fields = {
    "id": ids,
    "room": rooms,
    "data": values,
    "to": sessions,
    "resume": tokens,
    "epoch": places,
    "after": places,
}
messages = st.fixed_dictionaries({"action": actions}, optional=fields) | st.fixed_dictionaries(
    {"action": st.sampled_from(sorted(ROUTES)), "id": ids, "room": rooms, "data": values, "to": sessions},
    optional={"resume": tokens, "epoch": places, "after": places},
)
texts = messages.map(json.dumps)
broken = st.tuples(texts, st.integers(0, 200), st.text(max_size=3)).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
)
inputs = st.tuples(st.sampled_from(CONNECTIONS), texts | texts | broken | st.text())


@settings(
    max_examples=-(-INPUTS // BATCH),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
@given(batch=st.lists(inputs, min_size=BATCH, max_size=BATCH))
def test_every_input_gets_an_echo_or_a_frame_of_the_protocol(
    app: App,
    outbound: FakeOutbound,
    queue: FakeQueue,
    metrics: FakeMetrics,
    batch: list[tuple[Connection, str]],
) -> None:
    token = ""
    for connection, template in batch:
        text = template.replace("$TOKEN", token)
        before = len(outbound.frames)
        reply = app.router.message(connection, text, NOW)
        route, counts = metrics.last()
        assert route in ROUTES
        assert counts == {"Messages": 1, "Errors": 0}
        if reply is None:
            assert len(outbound.frames) > before + 1, "a reply went out, and what follows it"
        elif reply != text:
            frame = json.loads(reply)
            assert frame["type"] in REPLIES
            if frame["type"] == "error":
                assert frame["code"] in set(ErrorCode) - TROUBLE
                assert 0 < len(frame["message"]) <= 256
            token = frame.get("resumeToken", token)
    assert {frame["type"] for _, frame in outbound.frames} <= PUSHED
    worker = Worker(app.messaging, metrics)
    for body in queue.bodies:
        assert worker.run(body, NOW)
    outbound.frames.clear()
    outbound.posted.clear()
    metrics.records.clear()
    queue.bodies.clear()
