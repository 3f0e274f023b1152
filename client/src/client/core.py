"""The rules of a client, without a socket or a clock: frames and times in, frames and events out.

The shell around it sends what `outbox` has, calls `tick` when it is `due`, and tells when a connection is made or has
ended.
"""

import json
import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from client.errors import RefusedError
from client.events import Answered, Event, Lost, Message, Result, Resumed, TakenOver, Unanswered
from client.stream import Stream

#: Errors that pass: the request is sent again.
PASSING = frozenset({"unavailable", "conflict", "internal", "rate"})

#: API Gateway takes no larger frames, and no larger messages: bytes of UTF-8.
FRAME_BYTES = 32 * 1024
MESSAGE_BYTES = 128 * 1024

#: Close codes of a server that rejects what it was sent: a policy is violated, a message is too big.
_REJECTING = frozenset({1008, 1009})
_TOKENS = 8  # that are remembered: as many replies may overtake one another


@dataclass(frozen=True, slots=True)
class Times:
    """All in seconds."""

    keep_alive: float = 240  # API Gateway closes what is silent for ten minutes
    dead: float = 30  # without an answer to anything for so long, the connection is given up
    retry: float = 10  # without an answer, a request is sent again
    answer: float = 60  # without an answer for so long, a request is given up
    gap: float = 0.5  # frames overtake one another: so long a missing one may be on its way
    renew: float = 6000  # API Gateway closes a connection after two hours
    first_wait: float = 0.5  # the longest before a first reconnect, doubled each time
    longest_wait: float = 60
    proven: float = 10  # a connection that had the session for so long ends the doubling


@dataclass(slots=True)
class _Request:
    action: str
    text: str
    due: float
    attempts: int = 0
    sent: bool = False  # on this connection


@dataclass(slots=True)
class _Room:
    stream: Stream[Event] = field(default_factory=Stream)
    due: float = math.inf  # when to ask for what a gap is of


def fragments(text: str) -> list[bytes]:
    """The frames of a message: whole characters, of at most FRAME_BYTES together."""
    data = text.encode()
    frames = []
    while len(data) > FRAME_BYTES:
        end = FRAME_BYTES
        while data[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        frames.append(data[:end])
        data = data[end:]
    return [*frames, data]


def _json(frame: dict[str, Any]) -> str:
    text = json.dumps(frame, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(frame)
    return text


class Core:
    """A client's side of the protocol. `now` is any clock that only goes forward."""

    def __init__(self, times: Times | None = None, rng: random.Random | None = None) -> None:
        self.times = times or Times()
        self._random = rng or random.Random()
        self._prefix = f"{self._random.getrandbits(64):x}"
        self._count = 0
        self.outbox: deque[str] = deque()
        self.session_id: str | None = None
        self._asking = ""  # the id under which the session was last asked for
        self._used: str | None = None  # the token it was asked for with
        self._tokens: list[str] = []  # the newest is the last
        self._inbox = _Room()
        self._rooms: dict[str, _Room] = {}
        self._requests: dict[str, _Request] = {}
        self._connected = False
        self._ready = False  # the session is this connection's
        self._failures = 0
        self._session_due = self._ping_due = self._renew_at = self._ready_at = 0.0
        self._dead_at = math.inf  # unless something comes
        #: When to call `tick` next: infinity without a connection. Frames and requests may bring it forward.
        self.due = math.inf
        self.over = False

    # --- connections -------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """A connection is there: resume, or begin."""
        self.outbox.clear()
        for request in self._requests.values():
            request.sent = False
        self._connected, self._ready = True, False
        self._dead_at = math.inf
        self._renew_at = self._by(now + self.times.renew * self._random.uniform(0.85, 1))
        self._ask_session(now)

    def closed(self, code: int) -> list[Event]:
        """The server has closed the connection, with this code; `disconnected` is still to be called.

        A request that it may have rejected is not sent again, or it would close every connection. After 1008 and 1009
        that is each one on this connection that took several frames, or else the one that was sent last.
        """
        if code not in _REJECTING:
            return []
        sent = [name for name, request in self._requests.items() if request.sent and request.text not in self.outbox]
        rejected = [name for name in sent if len(fragments(self._requests[name].text)) > 1] or sent[-1:]
        for name in rejected:
            self.forget(name)
        return [Unanswered(name, f"the server closed the connection with {code}") for name in rejected]

    def disconnected(self, now: float) -> float:
        """A connection has ended, or was not made; how long to wait before the next: full jitter."""
        if self._ready and now >= self._ready_at + self.times.proven:
            self._failures = 0
        self._connected = self._ready = False
        self.due = math.inf
        longest = min(self.times.longest_wait, self.times.first_wait * 2 ** min(self._failures, 16))
        self._failures += 1
        return self._random.uniform(0, longest)

    # --- requests ----------------------------------------------------------------------------------------------------

    def request(self, action: str, now: float, request_id: str | None = None, **fields: Any) -> str:
        """Ask for something, again and again until it is answered; the id of its Answered.

        Raises RefusedError for what is larger than any message may be, and ValueError for the id of a request that
        still waits.
        """
        identifier = request_id or self._new_id()
        if identifier in self._requests:
            raise ValueError(f"the request {identifier!r} waits for its answer")
        text = _json({"action": action, "id": identifier, **fields})
        if (size := len(text.encode())) > MESSAGE_BYTES:
            raise RefusedError("too-large", f"the message has {size} bytes, and at most {MESSAGE_BYTES} can be sent")
        self._requests[identifier] = _Request(action, text, now)
        if action == "join":
            self._rooms.setdefault(fields["room"], _Room())
        elif action == "leave":
            self._rooms.pop(fields["room"], None)
        if self._ready:
            self._send_request(identifier, now)
        return identifier

    def forget(self, identifier: str) -> None:
        """Ask for something no longer."""
        self._requests.pop(identifier, None)

    def _new_id(self) -> str:
        self._count += 1
        return f"{self._prefix}-{self._count}"

    # --- time --------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> bool:
        """Do what is due. False when the connection is to be given up: it is dead, or too old."""
        if not self._connected:
            return True
        if now >= min(self._renew_at, self._dead_at):
            return False
        if not self._ready:
            if now >= self._session_due:
                self._ask_session(now)
            self.due = min(self._renew_at, self._dead_at, self._session_due)
            return True
        for identifier in [name for name, request in self._requests.items() if now >= request.due]:
            self._send_request(identifier, now)
        for name, room in self._streams():
            if now >= room.due:
                room.due = now + self.times.retry + self.times.gap
                self._ask_for_the_rest(name, room, now)
        if now >= self._ping_due:
            self._send(_json({"action": "ping"}), now)
        requests = (request.due for request in self._requests.values())
        gaps = (room.due for _, room in self._streams())
        self.due = min(self._renew_at, self._dead_at, self._ping_due, *requests, *gaps)
        return True

    def leaving(self, now: float) -> bool:
        """Whether a connection that works is to be given up: the host has asked for it, or the connection is old."""
        return self._connected and self._renew_at <= now < self._dead_at

    def _by(self, due: float) -> float:
        """A time at which something is to be done."""
        self.due = min(self.due, due)
        return due

    # --- frames ------------------------------------------------------------------------------------------------------

    def heard(self) -> None:
        """Something has come, whatever it is: the other end lives."""
        self._dead_at = math.inf

    def received(self, text: str, now: float) -> list[Event]:
        """A frame has arrived. What is no frame of the protocol is left aside."""
        self.heard()
        try:
            frame = json.loads(text)
            kind = frame.get("type")
        except (ValueError, AttributeError):
            return []
        handle = {
            "session": self._on_session,
            "joined": self._on_joined,
            "message": self._on_message,
            "result": self._on_message,
            "error": self._on_error,
            "taken-over": self._on_taken_over,
            "reconnect": self._on_reconnect,
            "catch-up": self._on_catch_up,
        }.get(str(kind), self._on_answer)
        events = handle(frame, now)
        self._notice_gaps(now)
        return events

    def _notice_gaps(self, now: float) -> None:
        for _, room in self._streams():
            if not room.stream.has_gap:
                room.due = math.inf
            elif room.due == math.inf:
                room.due = self._by(now + self.times.gap)

    def _on_session(self, frame: dict[str, Any], now: float) -> list[Event]:
        if self._ready and not frame["resumed"] and frame["sessionId"] == self.session_id:
            self._tokens = [frame["resumeToken"]]
            return []
        fresh = not frame["resumed"]
        self.session_id = frame["sessionId"]
        self._tokens = [*([] if fresh else self._tokens[1 - _TOKENS :]), frame["resumeToken"]]
        inbox = frame["inbox"]
        if fresh:
            self._inbox = _Room()
        events = self._placed(None, self._inbox, inbox["epoch"], frame.get("after", inbox["seq"]), inbox["seq"])
        if self._ready:
            return events  # the inbox was asked for again
        self._ready, self._ready_at = True, now
        self._by(now)  # gaps have waited for the session
        self._ask_rooms_for_the_rest(now)
        for identifier in list(self._requests):
            self._send_request(identifier, now)
        return [Resumed(frame["sessionId"], fresh=fresh), *events]

    def _on_joined(self, frame: dict[str, Any], now: float) -> list[Event]:
        room = self._rooms.get(frame["room"])
        events: list[Event] = []
        if room is not None:
            events = self._placed(frame["room"], room, frame["epoch"], frame.get("after", frame["seq"]), frame["seq"])
        return [*self._on_answer(frame, now), *events]

    def _placed(self, name: str | None, room: _Room, epoch: int, after: int, end: int) -> list[Event]:
        ready, lost = room.stream.place(epoch, after, end)
        return [Lost(name, epoch, after), *ready] if lost else list(ready)

    def _on_message(self, frame: dict[str, Any], _now: float) -> list[Event]:
        name = frame.get("room")
        room = self._inbox if name is None else self._rooms.get(name)
        if room is None:
            return []  # left in the meantime
        epoch, seq = frame["epoch"], frame["seq"]
        event: Event
        if frame["type"] == "result":
            event = Result(frame["id"], epoch, seq, frame["data"])
        else:
            event = Message(name, epoch, seq, frame["from"], frame["data"])
        lost = 0 < (room.stream.epoch or 0) < epoch  # the end of the epoch before may not have come
        ready = room.stream.put(epoch, seq, event)
        return [Lost(name, epoch, 0), *ready] if lost else ready

    def _on_error(self, frame: dict[str, Any], now: float) -> list[Event]:
        if frame["code"] == "taken-over":
            return self._on_taken_over(frame, now)
        if frame["code"] == "released":
            self._renew_at = self._by(now)  # taken for gone: a new connection resumes the session
            return []
        if frame.get("id") == self._asking:
            if frame["code"] == "invalid-token":
                return self._on_invalid_token(now)
            self._session_due = self._by(now + self._pause(1))
            return []
        request = self._requests.get(frame.get("id", ""))
        if request is not None and frame["code"] in PASSING:
            request.due = self._by(now + self._pause(request.attempts))
            return []
        return self._on_answer(frame, now)

    def _on_invalid_token(self, now: float) -> list[Event]:
        """Replies may overtake one another, and the newest token be one of an older reply: try those before it.

        When there is none, whoever holds the session gets a new token by asking for it without one.
        """
        self._tokens = [token for token in self._tokens if token != self._used]
        if not self._tokens and not self._ready:
            return self._begin_anew(now)
        if not self._ready or self._inbox.stream.has_gap:
            self._ask_session(now)
        return []

    def _begin_anew(self, now: float) -> list[Event]:
        """The session has expired. What was not answered may have been done: asking again might do it twice."""
        refused = [name for name, request in self._requests.items() if request.action not in {"join", "leave"}]
        error = {"type": "error", "code": "session-expired", "message": "the session expired before an answer came"}
        for name in refused:
            self.forget(name)
        self._ask_session(now)
        return [Answered(name, error) for name in refused]

    def _on_taken_over(self, _frame: dict[str, Any], _now: float) -> list[Event]:
        self.over = True
        return [TakenOver()]

    def _on_reconnect(self, _frame: dict[str, Any], now: float) -> list[Event]:
        """The host is about to end: another connection resumes the session before this one is closed."""
        self._renew_at = self._by(now)
        return []

    def _on_catch_up(self, _frame: dict[str, Any], now: float) -> list[Event]:
        """Messages may have been kept and not pushed."""
        if self._ready:
            self._ask_session(now)
            self._ask_rooms_for_the_rest(now)
        return []

    def _on_answer(self, frame: dict[str, Any], _now: float) -> list[Event]:
        identifier = frame.get("id")
        if identifier not in self._requests:
            return []
        self.forget(identifier)
        return [Answered(identifier, frame)]

    # --- what is sent ------------------------------------------------------------------------------------------------

    def _ask_session(self, now: float) -> None:
        self._session_due = self._by(now + self.times.retry)
        self._asking = self._new_id()
        frame: dict[str, Any] = {"action": "session", "id": self._asking}
        self._used = self._tokens[-1] if self._tokens else None
        if self._used is not None:
            stream = self._inbox.stream
            frame |= {"resume": self._used, "epoch": stream.epoch, "after": stream.seq}
        self._send(_json(frame), now)

    def _ask_for_the_rest(self, name: str | None, room: _Room, now: float) -> None:
        if name is None:
            self._ask_session(now)
        else:
            stream = room.stream
            self._send(_json({"action": "join", "room": name, "epoch": stream.epoch, "after": stream.seq}), now)

    def _ask_rooms_for_the_rest(self, now: float) -> None:
        for name, room in self._rooms.items():
            if room.stream.epoch is not None:
                self._ask_for_the_rest(name, room, now)

    def _send_request(self, identifier: str, now: float) -> None:
        """Send a request. The one that was sent last is the last of them all."""
        request = self._requests[identifier] = self._requests.pop(identifier)
        request.due = self._by(now + self.times.retry)
        request.attempts += 1
        request.sent = True
        self._send(request.text, now)

    def _send(self, text: str, now: float) -> None:
        self._ping_due = self._by(now + self.times.keep_alive)
        self._dead_at = self._by(min(self._dead_at, now + self.times.dead))
        self.outbox.append(text)

    def _pause(self, attempts: int) -> float:
        return self._random.uniform(0.1, min(self.times.retry, 0.25 * 2 ** min(attempts, 16)))

    def _streams(self) -> Iterator[tuple[str | None, _Room]]:
        yield None, self._inbox
        yield from self._rooms.items()
