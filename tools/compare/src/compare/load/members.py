"""What one connection says, and what it makes of the answers: no socket, no clock.

The shell around a member sends its `frames`, tells when a connection is made, lost, or has brought a frame, and
takes each turn when it is due. A turn that comes while the connection is away is kept, and counts from when it was due;
so is an echo that was under way when the member left its connection: to resume, because it was asked to, or because the
connection was old.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from client.core import Core
from client.events import Answered, Event, Message, Result, Resumed
from compare.load.measures import Measures, Request
from compare.load.order import Order
from compare.load.scenario import Scenario

_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Group:
    """The members of one sending process: they share what is under way, since one sends and another receives."""

    scenario: Scenario
    name: str
    measures: Measures = field(default_factory=Measures)
    members: list[Plain | Sessioned] = field(default_factory=list)
    asked: dict[str, Request] = field(default_factory=dict)

    def enter(self) -> Plain | Sessioned:
        """A new member."""
        kind = Sessioned if self.scenario.needs_session else Plain
        member = kind(self, len(self.members))
        self.members.append(member)
        return member

    def room(self, number: int) -> str | None:
        """The room of a member; rooms of other processes and rounds have other names."""
        if "publish" not in self.scenario.actions:
            return None
        return f"{self.name}-{number // self.scenario.room_members}"

    @property
    def under_way(self) -> int:
        """What may still come."""
        return sum(member.waiting for member in self.members) + len(self.asked)

    def finish(self) -> None:
        """Nothing more comes: what is missing is lost."""
        for member in self.members:
            member.finish()
        for asked in self.asked.values():
            if asked.accepted:
                self.measures.counts["lost"] += asked.awaited
            else:
                self.measures.counts["unanswered"] += 1


class Plain:
    """Echoes and pings: any server that echoes will do."""

    def __init__(self, group: Group, number: int) -> None:
        self.number = number
        self.ready = False
        self._outbox: deque[bytes] = deque()
        self._group, self._measures = group, group.measures
        self._asked: dict[int, tuple[str, Request]] = {}  # and what for
        self._late: list[tuple[str, float]] = []
        self._serial: int | None = None  # what a client that waits for each answer waits for
        self._count = 0
        self._order = Order()
        self._failures = 0
        self._filling = b"." * group.scenario.message_bytes

    @property
    def waiting(self) -> int:
        """Answers that have not come."""
        return len(self._asked) + len(self._late)

    def frames(self) -> Iterator[str | bytes]:
        """What is to be sent now."""
        while self._outbox:
            yield self._outbox.popleft()

    def connected(self, now: float) -> None:
        """A connection is there."""
        self.ready, self._failures = True, 0
        late, self._late = self._late, []
        for action, due in late:
            self.turn(action, due, now)

    def disconnected(self, now: float, *, by_choice: bool = False) -> float:  # noqa: ARG002 - the same shape as the other's
        """It is gone; how long to wait before the next.

        What was under way is lost, or asked again when the member left by choice.
        """
        self.ready, self._serial = False, None
        if by_choice:
            self._late += [(action, asked.due) for action, asked in self._asked.values()]
        else:
            self._measures.counts["lost"] += len(self._asked)
        self._asked.clear()
        self._outbox.clear()
        self._failures += 1
        return random.uniform(0, min(60.0, 0.5 * 2 ** min(self._failures, 8)))

    def tick(self, now: float) -> bool:  # noqa: ARG002 - the same shape as the other's
        """Nothing is ever due of itself."""
        return True

    def leaving(self, now: float) -> bool:  # noqa: ARG002 - the same shape as the other's
        """It never leaves of itself."""
        return False

    def turn(self, action: str, due: float, now: float) -> None:
        """Send an echo or a ping that was due then."""
        if not self.ready:
            self._late.append((action, due))
            return
        self._count += 1
        number = self._count
        self._asked[number] = action, Request(due, now, serial=self._serial is None)
        if self._serial is None:
            self._serial = number
        self._measures.counts["sent"] += 1
        if action == "ping":
            self._outbox.append(b'{"action":"ping","id":%d}' % number)
        else:
            self._outbox.append((b"%d " % number + self._filling)[: self._group.scenario.message_bytes])

    def received(self, frame: bytes, now: float) -> None:
        """A frame has come."""
        name, number = _echo(frame)
        if number is None:
            self._measures.failed(name)
            return
        if not 0 < number <= self._count:
            self._measures.failed("a frame that was not sent")
            return
        place = self._order.arrived(number)
        if place != "next":
            self._measures.counts[place] += 1
        if number not in self._asked:
            return
        _, asked = self._asked.pop(number)
        if number == self._serial:
            self._serial = None
        if name == "echo" and frame != (b"%d " % number + self._filling)[: len(frame)]:
            self._measures.failed("an echo that was altered")
        self._measures.counts["answered"] += 1
        self._measures.answered(name, asked, now)

    def finish(self) -> None:
        """What has not come is lost."""
        self._measures.counts["lost"] += self.waiting


def _echo(frame: bytes) -> tuple[str, int | None]:
    """What a frame answers: the name of it and the number, or the name of an error and None."""
    if frame[:1] != b"{":
        head = frame.partition(b" ")[0]
        return ("echo", int(head)) if head.isdigit() and len(head) < 16 else ("a frame that was not sent", None)
    try:
        document = _decode(frame)
        if document.get("type") == "pong" or document.get("action") == "ping":
            return "pong", int(document["id"])
        return error_of(document) or "a frame that was not sent", None
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, RecursionError):
        return "a frame that was not sent", None


def error_of(document: dict[str, Any]) -> str | None:
    """What a frame says went wrong, if that is what it says: an error of the protocol, or API Gateway's own."""
    if document.get("type") == "error":
        return f"error {document.get('code')}"
    if "requestId" in document and "message" in document:
        return f"gateway: {document['message']}"
    return None


class Sessioned:
    """The protocol of docs/client.md, by the reference client's own rules: it resumes, asks again, fills gaps."""

    def __init__(self, group: Group, number: int) -> None:
        self.number = number
        self.ready = False
        self._group, self._measures = group, group.measures
        self._core = Core(rng=random.Random(f"{group.name}/{number}"))
        self._plain = Plain(group, number)
        self._room = group.room(number)
        self._joined = self._room is None
        self._resuming: float | None = None  # since when
        self._requests: dict[str, str] = {}  # by id, the key of what was asked; none for a join
        self._works: dict[str | int, str] = {}  # the same for those whose result has not come
        self._serial: str | None = None
        self._count = 0
        self._orders: dict[str | None, Order] = {}
        self._filling = "." * group.scenario.message_bytes

    @property
    def session(self) -> str | None:
        """The public id of its session."""
        return self._core.session_id

    @property
    def in_room(self) -> bool:
        """Whether it receives what is published in its room."""
        return self._joined

    @property
    def waiting(self) -> int:
        """What the group does not count."""
        return self._plain.waiting + (self._resuming is not None)

    @property
    def over(self) -> bool:
        """Somebody else has the session."""
        return self._core.over

    def frames(self) -> Iterator[str | bytes]:
        """What is to be sent now."""
        while self._core.outbox:
            yield self._core.outbox.popleft()
        yield from self._plain.frames()

    def connected(self, now: float) -> None:
        """A connection is there: begin, or resume."""
        self._core.connected(now)

    def disconnected(self, now: float) -> float:
        """It is gone; how long to wait before the next."""
        self.ready = False
        self._serial = None
        self._plain.disconnected(now, by_choice=self.leaving(now) or self._resuming is not None)
        return self._core.disconnected(now)

    def tick(self, now: float) -> bool:
        """Do what is due; False when the connection is to be given up."""
        return now < self._core.due or self._core.tick(now)

    def leaving(self, now: float) -> bool:
        """Whether it gives up a connection that works."""
        return self._core.leaving(now)

    def turn(self, action: str, due: float, now: float) -> None:
        """Do what was due then."""
        if action == "reconnect":
            self._resuming = due
            self._neighbour.write_to(self, due, now)
        elif action in {"echo", "ping"}:
            self._plain.turn(action, due, now)
        elif action == "send":
            self.write_to(self._neighbour, due, now)
        elif action == "publish":
            awaited = sum(isinstance(one, Sessioned) and one.in_room for one in self._roommates)
            self._ask(action, due, now, awaited, room=self._room)
        else:
            self._ask(action, due, now, awaited=action == "work")

    def write_to(self, other: Sessioned, due: float, now: float) -> None:
        """Send a direct message."""
        if other.session is None:
            self._measures.failed("a receiver that never had a session")
        else:
            self._ask("send", due, now, 1, to=other.session)

    @property
    def _neighbour(self) -> Sessioned:
        other = self._group.members[(self.number + 1) % len(self._group.members)]
        assert isinstance(other, Sessioned)  # noqa: S101 - a group has one kind of members
        return other

    @property
    def _roommates(self) -> list[Plain | Sessioned]:
        size = self._group.scenario.room_members
        first = self.number // size * size
        return self._group.members[first : first + size]

    def _ask(self, action: str, due: float, now: float, awaited: int, **fields: Any) -> None:
        self._count += 1
        key = f"{self.number}.{self._count}"
        self._group.asked[key] = Request(due, now, self._serial is None, awaited)
        if self._serial is None:
            self._serial = key
        self._measures.counts["sent"] += 1
        fields["data"] = f"{key} {self._filling}"[: self._group.scenario.message_bytes]
        identifier = self._core.request(action, now, **fields)
        self._requests[identifier] = key
        if action == "work":
            self._works[identifier] = key

    def received(self, frame: bytes, now: float) -> None:
        """A frame has come."""
        if frame[:1] != b"{" or frame.startswith(b'{"type":"pong","id":'):  # the client's own pings have no id
            self._core.heard()
            self._plain.received(frame, now)
            return
        try:
            document = _decode(frame)
            self._look(document)
            events = self._core.received(frame.decode(), now)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._measures.failed("a frame that is none of the protocol")
            return
        for event in events:
            self._handle(event, now)

    def _look(self, document: dict[str, Any]) -> None:
        """Count what the core hides: errors that pass, repeats, and what came out of order."""
        kind = document.get("type")
        if kind in {"message", "result"}:
            order = self._orders.setdefault(document.get("room"), Order())
            place = order.arrived(document["seq"], document["epoch"])
            if place != "next":
                self._measures.counts[place] += 1
        elif (error := error_of(document)) is not None:
            self._measures.failed(error)

    def _handle(self, event: Event, now: float) -> None:
        match event:
            case Resumed(_, fresh=fresh):
                self._resumed(now, fresh=fresh)
            case Answered(identifier, reply):
                self._answered(identifier, reply, now)
            case Message(data=data):
                self._arrived("delivered", str(data).partition(" ")[0], now)
            case Result(id=identifier):
                self._arrived("result", self._works.pop(identifier, ""), now)
            case _:
                self._measures.counts["history lost"] += 1

    def _resumed(self, now: float, *, fresh: bool) -> None:
        if self._resuming is not None:
            self._measures.answered("resumed", Request(self._resuming, self._resuming, serial=True), now)
            self._measures.counts["resumed"] += 1
            if fresh:
                self._measures.failed("a session that could not be resumed")
            self._resuming = None
        if self._room is not None and not self._joined and "" not in self._requests.values():
            self._requests[self._core.request("join", now, room=self._room)] = ""
        self._be_ready(now)

    def _be_ready(self, now: float) -> None:
        self.ready = self._joined
        if self.ready:
            self._plain.connected(now)

    def _answered(self, identifier: str, reply: dict[str, Any], now: float) -> None:
        key = self._requests.pop(identifier, None)
        failed = reply.get("type") == "error"
        if not key:
            self._joined = not failed
            self._be_ready(now)
            return
        if key == self._serial:
            self._serial = None
        asked = self._group.asked.get(key)
        if asked is None:
            return
        if failed:
            del self._group.asked[key]
            return
        self._measures.counts["answered"] += 1
        self._measures.answered("accepted", asked, now)
        asked.accepted = True
        self._settle(key, asked)

    def _arrived(self, name: str, key: str, now: float) -> None:
        asked = self._group.asked.get(key)
        if asked is None or not asked.awaited:
            self._measures.failed("a message that was not sent")
            return
        asked.awaited -= 1
        self._measures.counts["deliveries"] += 1
        self._measures.answered(name, asked, now)
        self._settle(key, asked)

    def _settle(self, key: str, asked: Request) -> None:
        if asked.accepted and asked.awaited <= 0:
            del self._group.asked[key]

    def finish(self) -> None:
        """What has not come back is lost."""
        self._plain.finish()
        if self._resuming is not None:
            self._measures.failed("a session that did not come back")
