"""The core under thousands of interleavings of clients, backends, time and the management API.

Whatever the order: a message is answered once at most, nothing is asked for a connection after its end but its
`$disconnect`, which happens once, and nothing is left behind.
"""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from localcloud.gateway.core import Gateway
from localcloud.gateway.effects import (
    Accept,
    Close,
    Effect,
    Failed,
    Fetch,
    Handshake,
    Invoke,
    Outcome,
    Raised,
    Reject,
    Responded,
    Returned,
    Send,
)
from localcloud.gateway.model import Integration, Route
from localcloud.gateway.throttle import Limit

from .scenes import NOW, api, mock, responses, success
from .test_handshakes import authorizer, policy

HTTP = Integration(kind="HTTP_PROXY", url="http://b/")
ROUTES = {
    "lambda": Route("lambda", Integration("arn:lambda"), responds=True),
    "http": Route("http", HTTP, responds=True),
    "mapped": Route("mapped", Integration("arn:f", kind="AWS", responses=responses(default=None)), responds=True),
    "mock": Route("mock", mock(reply="mocked"), responds=True),
    "silent": Route("silent", HTTP),
    "throttled": Route("throttled", mock(reply="x"), responds=True),
    "nowhere": Route("nowhere", None),
}
CONNECTS = [
    None,
    Route("$connect", None),
    Route("$connect", mock()),
    Route("$connect", mock(403)),
    Route("$connect", HTTP),
    Route("$connect", Integration("arn:connect"), authorizer=authorizer()),
]
OUTCOMES: list[Outcome] = [
    Returned(b'{"statusCode":200,"body":"reply"}'),
    Returned(b'{"statusCode":403}'),
    Returned(b"nonsense"),
    policy(),
    policy("Deny"),
    Raised(b'{"errorMessage":"Unauthorized"}'),
    Responded(200, (), b"reply"),
    Responded(500, (("sec-websocket-protocol", "a b"),), b"\xff"),
    *Failed,
]


class Interleavings(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.state: dict[str, str] = {}  # connecting, open, over
        self.left: set[str] = set()  # those whose client has gone
        self.disconnects: dict[str, int] = {}
        self.pending: dict[str, Invoke | Fetch] = {}
        self.faulty: set[str] = set()
        self.frames_due = 0

    @initialize(connect=st.sampled_from(CONNECTS))
    def make(self, connect: Route | None) -> None:
        numbers = itertools.count(1)
        routes = [*ROUTES.values(), Route("$disconnect", Integration("arn:disconnect"))]
        routes += [connect] if connect is not None else []
        limits = {"throttled": Limit(0.01, 2)}
        self.gateway = Gateway(
            api(*routes, route_limits=limits), lambda _: f"id{next(numbers)}", faults=self.faulty.__contains__
        )

    def _carry_out(self, effects: list[Effect]) -> list[str]:
        """Do as a shell does, and complain of what it must never be asked. Gives the calls that have begun."""
        begun = []
        for effect in effects:
            match effect:
                case Accept(id_, _):
                    assert self.state[id_] == "connecting"
                    assert id_ not in self.left, "accepted a client that has gone"
                    self.state[id_] = "open"
                case Reject(id_, status, _):
                    assert self.state[id_] == "connecting"
                    assert 300 <= status <= 599
                    self.state[id_] = "over"
                case Send(id_, _):
                    assert self.state[id_] == "open", "sent to a connection that is not open"
                    self.frames_due -= 1
                    assert self.frames_due >= 0, "answered something twice"
                case Close(id_, _, _):
                    assert self.state[id_] == "open"
                    self.state[id_] = "over"
                case Invoke() | Fetch():
                    assert effect.call_id not in self.pending
                    if getattr(effect, "function_arn", "") == "arn:disconnect":
                        self.disconnects[effect.connection_id] = self.disconnects.get(effect.connection_id, 0) + 1
                        assert self.disconnects[effect.connection_id] == 1, "told of an end twice"
                        self.state[effect.connection_id] = "over"
                    else:
                        assert self.state[effect.connection_id] != "over", "asked something after the end"
                    self.pending[effect.call_id] = effect
                    begun.append(effect.call_id)
        return begun

    @rule(target=ids)
    def open(self) -> str:
        return self.handshake()

    def handshake(self) -> str:
        effects: list[Effect]
        id_, effects = self.gateway.handshake(Handshake("/prod", "", (), "127.0.0.1"), self.now)
        assert id_ not in self.state
        self.state[id_] = "connecting"
        self._carry_out(effects)
        return id_

    @rule()
    def come_and_go(self) -> None:
        """A client that leaves before its handshake has been answered, if that takes a call."""
        self.depart(self.handshake(), 1006)

    @rule(id_=ids, key=st.sampled_from([*ROUTES, "unknown", "$connect", "$disconnect"]))
    def message(self, id_: str, key: str) -> None:
        if self.state[id_] != "open":
            assert self.gateway.receive(id_, f'{{"action":"{key}"}}', self.now) == []
            return
        self.frames_due = 1
        begun = self._carry_out(self.gateway.receive(id_, f'{{"action":"{key}"}}', self.now))
        assert not begun or self.frames_due == 1, "answered before the integration has"

    @rule(outcome=st.sampled_from(OUTCOMES), which=st.integers(0, 1000), again=st.booleans())
    def complete(self, outcome: Outcome, which: int, again: bool) -> None:
        if not self.pending:
            assert self.gateway.completed("unknown", outcome, self.now) == []
            return
        call_id = sorted(self.pending)[which % len(self.pending)]
        del self.pending[call_id]
        self.frames_due = 1
        self._carry_out(self.gateway.completed(call_id, outcome, self.now))
        if again and call_id not in self.pending:
            assert self.gateway.completed(call_id, outcome, self.now) == []

    @rule(which=st.integers(0, 1000))
    def succeed(self, which: int) -> None:
        for call_id in sorted(self.pending)[which % max(1, len(self.pending)) :][:1]:
            called = self.pending.pop(call_id)
            asks = getattr(called, "function_arn", "") == "arn:authorizer"
            self.frames_due = 1
            self._carry_out(self.gateway.completed(call_id, policy() if asks else success(called), self.now))

    @rule(id_=ids, code=st.sampled_from([1000, 1001, 1005, 1006, 1009, 4000]))
    def leave(self, id_: str, code: int) -> None:
        self.depart(id_, code)

    def depart(self, id_: str, code: int) -> None:
        was_open = self.state[id_] == "open"
        self.left.add(id_)
        self._carry_out(self.gateway.closed(id_, code, "", self.now))
        if was_open:
            self.state[id_] = "over"

    @rule(id_=ids, method=st.sampled_from(["POST", "GET", "DELETE", "PUT"]))
    def manage(self, id_: str, method: str) -> None:
        is_open = self.state[id_] == "open"
        self.frames_due = 1
        response, effects = self.gateway.http(method, f"/prod/@connections/{id_}", b"x", self.now)
        self._carry_out(effects)
        if not is_open:
            assert effects == []
            assert response.status >= 400
        if method == "DELETE" and response.status == 204:
            assert self.state[id_] == "over"

    @rule(id_=ids, slow=st.booleans())
    def read_slowly(self, id_: str, slow: bool) -> None:
        self.gateway.slow(id_, slow)

    @rule(seconds=st.sampled_from([0.1, 30, 599, 3600]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self._carry_out(self.gateway.expire(self.now))

    @rule(name=st.sampled_from(["disconnect-lost", "disconnect-late", "post-gone", "post-doubted", "post-throttled"]))
    def break_or_mend(self, name: str) -> None:
        self.faulty ^= {name}

    @invariant()
    def nothing_is_left_behind(self) -> None:
        if hasattr(self, "gateway"):
            alive = [id_ for id_, state in self.state.items() if state != "over"]
            assert self.gateway.connections == len(alive) - self._given_up()
            assert self.gateway.calls <= len(self.pending)

    def _given_up(self) -> int:
        """Clients that left while connecting, whom `$connect` let in since, with their `$disconnect` lost."""
        return sum(
            state == "connecting" and id_ in self.left and id_ not in self.gateway._connections
            for id_, state in self.state.items()
        )

    def teardown(self) -> None:
        """Everything ends: then there is nothing any more."""
        if not hasattr(self, "gateway"):
            return
        for call_id in list(self.pending):
            self.frames_due = 1
            del self.pending[call_id]
            self._carry_out(self.gateway.completed(call_id, Failed.TIMED_OUT, self.now))
        self.now += 8000
        self._carry_out(self.gateway.expire(self.now))
        for id_ in list(self.state):
            self._carry_out(self.gateway.closed(id_, 1006, "", self.now))
        for call_id in list(self.pending):
            self.gateway.completed(call_id, Failed.TIMED_OUT, self.now)
        assert (self.gateway.connections, self.gateway.calls) == (0, 0)


TestInterleavings: Any = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
